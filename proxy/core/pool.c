/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/pool.h"
#include "proxy/core/session.h"

const struct pool_ops *pool_ops_for(const struct conf_pool *conf)
{
	return conf->respond ? responder_ops() : relay_ops();
}

enum pool_verdict pool_send(struct session *s, const struct batch *b)
{
	return s->pool->ops->send(s, b);
}

void pool_resume(struct session *s)
{
	s->pool->ops->resume(s);
}

bool pool_is_alive(const struct session *s)
{
	return s->pool->ops->is_alive(s);
}

bool pool_is_idle(const struct session *s)
{
	return s->pool->ops->is_idle(s);
}

void pool_leave(struct session *s)
{
	s->pool->ops->leave(s);
}

const char *pool_server_name(const struct session *s)
{
	return s->pool->ops->server_name(s);
}
