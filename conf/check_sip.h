/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * check_sip.h - the lists of the sip group: what stands in them is what it has to be.
 */
#ifndef SIPWEIR_CONF_CHECK_SIP_H
#define SIPWEIR_CONF_CHECK_SIP_H

#include "conf/conf.h"

void conf_check_sip(const struct conf_sip *sip, struct conf_errors *e);

#endif
