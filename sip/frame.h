/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * frame.h - where one SIP message ends and the next begins on a stream (RFC 3261 sections 7 and
 * 18.3).
 *
 * Strict on purpose: what two parsers could read differently is refused, because the bytes that
 * pass are forwarded unchanged. Every dimension is bounded here, before anything else looks at the
 * message. No allocation, no clock; a framer belongs to one direction of one connection and to one
 * thread.
 */
#ifndef SIPWEIR_SIP_FRAME_H
#define SIPWEIR_SIP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_limits {
	uint32_t max_message;	   /* bytes, start line to end of body */
	uint32_t max_header_bytes; /* bytes, start line to the empty line */
	uint32_t max_headers;	   /* header lines */
	uint32_t max_parameters;   /* ; , and & in one header line, folds included */
	bool takes_missing_length; /* without a Content-Length there is no body */
	bool is_lenient; /* a fault that leaves the borders alone does not end the stream: frame.fault */
	uint64_t marked; /* frame_name_mark() of names to look out for: frame.has_marked */
};

enum frame_verdict {
	FRAME_MORE,    /* no whole message yet */
	FRAME_MESSAGE, /* `consumed` bytes are one whole message */
	FRAME_PING,    /* a double CRLF between messages (RFC 5626 section 4.4.1) */
	FRAME_BAD,     /* the stream cannot be followed any further: `fault`, `offset`, `checked` */
};

enum frame_kind { FRAME_UNKNOWN, FRAME_REQUEST, FRAME_RESPONSE };

/* Methods that are told apart, by what is done about them or in what is counted. X(constant, name) */
#define FRAME_METHODS(X)                 \
	X(METHOD_OTHER, "other")         \
	X(METHOD_INVITE, "INVITE")       \
	X(METHOD_ACK, "ACK")             \
	X(METHOD_BYE, "BYE")             \
	X(METHOD_CANCEL, "CANCEL")       \
	X(METHOD_REGISTER, "REGISTER")   \
	X(METHOD_OPTIONS, "OPTIONS")     \
	X(METHOD_PRACK, "PRACK")         \
	X(METHOD_SUBSCRIBE, "SUBSCRIBE") \
	X(METHOD_NOTIFY, "NOTIFY")       \
	X(METHOD_PUBLISH, "PUBLISH")     \
	X(METHOD_MESSAGE, "MESSAGE")     \
	X(METHOD_INFO, "INFO")           \
	X(METHOD_UPDATE, "UPDATE")       \
	X(METHOD_REFER, "REFER")

enum frame_method {
#define X(constant, name) constant,
	FRAME_METHODS(X)
#undef X
		METHODS
};

/*
 * Why a message was refused. X(constant, name in logs and metrics, status of the answer, its reason
 * phrase) Status 0: nobody there speaks SIP; close without an answer.
 */
#define FRAME_FAULTS(X)                                                                           \
	X(FRAME_FAULT_NONE, "none", 0, "")                                                        \
	X(FRAME_FAULT_HTTP, "http", 0, "")                                                        \
	X(FRAME_FAULT_TLS, "tls_on_tcp", 0, "")                                                   \
	X(FRAME_FAULT_SSH, "ssh", 0, "")                                                          \
	X(FRAME_FAULT_RDP, "rdp", 0, "")                                                          \
	X(FRAME_FAULT_BINARY, "binary", 0, "")                                                    \
	X(FRAME_FAULT_PROXY_HEADER, "proxy_header_unexpected", 0, "")                             \
	X(FRAME_FAULT_NOT_SIP, "not_sip", 0, "")                                                  \
	X(FRAME_FAULT_START_LINE, "start_line", 400, "Bad Start Line")                            \
	X(FRAME_FAULT_VERSION, "version", 505, "Version Not Supported")                           \
	X(FRAME_FAULT_LINE_END, "line_end", 400, "Bad Line End") /* CR or LF alone */             \
	X(FRAME_FAULT_CONTROL, "control_character", 400, "Control Character")                     \
	X(FRAME_FAULT_HEADER_NAME, "header_name", 400, "Bad Header Name")                         \
	X(FRAME_FAULT_FOLDING, "folding", 400, "Ambiguous Folding")                               \
	X(FRAME_FAULT_HEADER_BYTES, "max_header_bytes", 400, "Header Section Too Large")          \
	X(FRAME_FAULT_HEADERS, "max_headers", 400, "Too Many Headers")                            \
	X(FRAME_FAULT_PARAMETERS, "max_parameters", 400, "Too Many Parameters")                   \
	X(FRAME_FAULT_CONTENT_LENGTH, "content_length", 400, "Bad Content-Length")                \
	X(FRAME_FAULT_NO_CONTENT_LENGTH, "missing_content_length", 400, "Missing Content-Length") \
	X(FRAME_FAULT_MESSAGE_SIZE, "max_message", 513, "Message Too Large")

enum frame_fault {
#define X(constant, name, status, phrase) constant,
	FRAME_FAULTS(X)
#undef X
		FRAME_FAULT_COUNT
};

/*
 * What the framer remembers between calls. Zeroed: at the border of two messages. The fields are
 * its own.
 */
struct framer {
	uint32_t scanned;	 /* bytes of the current message already judged */
	uint32_t line;		 /* where the header line being read begins, its folds included */
	uint32_t fold;		 /* where the text of its last continuation line begins; 0 = none */
	uint32_t header_length;	 /* once the empty line was seen, else 0 */
	uint32_t content_length; /* valid with has_content_length */
	uint32_t fault_offset;	 /* of `fault` */
	uint32_t noted_offset;	 /* of `noted` */
	uint32_t call_id, cseq, via, to; /* where these header lines begin; 0 = not seen */
	uint32_t headers;
	uint16_t status;
	uint8_t state; /* what may come next; 0 = no message has begun */
	uint8_t kind;
	uint8_t method;
	uint8_t crlf; /* 0..3: how much of CRLFCRLF has passed between messages; 4: all, just now */
	uint8_t fault; /* found, and held back until the header section has been read */
	uint8_t noted; /* found, and let pass */
	bool has_marked;
	bool has_content_length;
	bool in_content_length; /* the line being read is that one */
	bool has_credentials;
};

struct frame {
	size_t consumed; /* bytes that may be forgotten, the message included; always set */
	size_t start;	 /* where in `bytes` the message begins; it ends at `consumed` */
	enum frame_kind kind;
	enum frame_method method; /* of a request */
	uint16_t status;	  /* of a response, 100..699 */
	uint32_t header_length;	  /* through the empty line; the body is the rest */
	uint32_t call_id, cseq, via,
		to; /* of a message: where the first of these lines begins; 0 = there is none */
	bool has_credentials; /* of a message: an Authorization or Proxy-Authorization */
	bool has_marked; /* of a message: perhaps a header whose name has a mark in limits.marked */
	/* FRAME_BAD, where kind and method are set if that much was understood; FRAME_MESSAGE with is_lenient, the first
	 * that was let pass */
	enum frame_fault fault;
	uint32_t offset;  /* of the byte that broke it, from the start of the message */
	uint32_t checked; /* bytes from `start`: whole lines that an answer may quote; 0 = none */
};

/*
 * Judge bytes[0..length): everything received since the last border, less what earlier calls
 * consumed. Call again with more after FRAME_MORE, with what follows after FRAME_MESSAGE and
 * FRAME_PING, not at all after FRAME_BAD. A call resumes where the last one ended: however
 * many pieces a message comes in, no byte of it is scanned more than twice.
 *
 * CRLFs between messages are consumed as they come, so that a silent connection holds no bytes. The
 * verdict on a stream does not depend on how it was split.
 *
 * A request whose start line or Content-Length is wrong, while its lines can still be told apart,
 * is read to the end of its header section first: an answer needs its Via, From, To, Call-ID and
 * CSeq.
 */
enum frame_verdict frame_next(struct framer *f, const struct frame_limits *limits,
	const uint8_t *bytes, size_t length, struct frame *out);

/* True while a message has begun and is not whole: its sender owes the rest. */
bool frame_is_open(const struct framer *f);

/* A bit that stands for a header's name, in any case; other names may share it. */
static inline uint64_t frame_name_mark(const uint8_t *name, uint32_t length)
{
	return UINT64_C(1) << (((name[0] | 0x20u) * 5u + (name[length - 1] | 0x20u) + length) & 63);
}

/* What the lists above say of a constant. The strings are constants too; any thread. */
const char *frame_fault_name(enum frame_fault fault);
unsigned frame_fault_status(enum frame_fault fault);
const char *frame_fault_phrase(enum frame_fault fault);
const char *frame_method_name(enum frame_method method);

#endif
