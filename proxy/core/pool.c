/* SPDX-License-Identifier: BSD-2-Clause */
#include "proxy/core/introduce.h"
#include "proxy/core/pool.h"
#include "proxy/core/route.h"
#include "proxy/core/session.h"

const struct pool_ops *pool_ops_for(const struct conf_pool *conf)
{
	return conf->respond ? responder_ops() : relay_ops();
}

void pool_expect(struct session *s)
{
	s->pool->ops->expect(s);
}

enum pool_verdict pool_send(struct session *s, const struct batch *b)
{
	return s->pool->ops->send(s, b);
}

void pool_resume(struct session *s)
{
	if (s->pool)
		s->pool->ops->resume(s);
}

void pool_adopt(struct session *s)
{
	if (s->pool)
		s->pool->ops->adopt(s);
}

bool pool_is_alive(const struct session *s)
{
	return s->pool && s->pool->ops->is_alive(s);
}

bool pool_is_quiet(const struct session *s)
{
	return !s->pool || s->pool->ops->is_quiet(s);
}

bool pool_is_idle(const struct session *s)
{
	return !s->pool || s->pool->ops->is_idle(s);
}

void pool_leave(struct session *s)
{
	if (s->pool)
		s->pool->ops->leave(s);
}

const char *pool_server_name(const struct session *s)
{
	return s->pool ? s->pool->ops->server_name(s) : NULL;
}

const char *pool_name(const struct session *s)
{
	return s->pool ? s->pool->name : NULL;
}

void pool_choose(struct session *s, const uint8_t *message, const struct frame *frame)
{
	s->pool = route_choose(s, message, frame);
	counter_count(&s->pool->lanes[s->core->index].sessions);
	introduce_begin(s);
}

void pool_forsake(struct session *s)
{
	if (!s->pool)
		return;
	pool_leave(s);
	counter_uncount(&s->pool->lanes[s->core->index].sessions);
}
