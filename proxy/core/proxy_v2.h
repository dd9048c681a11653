/* SPDX-License-Identifier: BSD-2-Clause */
/* proxy_v2.h - the layout of a PROXY header of version 2 (HAProxy document, section 2.2), for who reads and who writes one. */
#ifndef SIPWEIR_PROXY_CORE_PROXY_V2_H
#define SIPWEIR_PROXY_CORE_PROXY_V2_H

enum {
	V2_LENGTH_AT = 14, /* of what follows the fixed part */
	V2_FIXED = 16,	   /* signature, version and command, family and protocol, length */
	V2_TLV_HEAD = 3,   /* type, length */
	V2_CRC_BYTES = 4,
};

enum v2_tlv {
	TLV_AUTHORITY = 0x02,
	TLV_CRC32C = 0x03,
	TLV_UNIQUE_ID = 0x05,
	TLV_SSL = 0x20,
	TLV_SSL_VERSION = 0x21,
	TLV_SSL_CN = 0x22,
	TLV_SSL_CIPHER = 0x23,
	TLV_AWS = 0xea,
};

enum { TLV_AWS_ENDPOINT = 0x01 }; /* first byte of the AWS value: the rest is a VPC endpoint id */

#endif
