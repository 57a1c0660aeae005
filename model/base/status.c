#include "model/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const status_texts[] = {
#define RK_STATUS_NAME(name, text) text,
	RK_STATUS_TABLE(RK_STATUS_NAME)
#undef RK_STATUS_NAME
};

const char *rk_status_text(enum rk_status status)
{
	size_t index = (size_t)status;
	return index < sizeof(status_texts) / sizeof(status_texts[0]) ? status_texts[index] : "unknown status";
}

enum rk_status rk_error_set(struct rk_error *reterr, enum rk_status status, const char *format, ...)
{
	if (reterr == NULL)
		return status;
	va_list arguments;
	va_start(arguments, format);
	reterr->status = status;
	(void)vsnprintf(reterr->message, sizeof(reterr->message), format, arguments);
	va_end(arguments);
	return status;
}

enum rk_status rk_error_prefix(struct rk_error *reterr, enum rk_status status, const char *format, ...)
{
	if (reterr == NULL)
		return status;
	char rest[sizeof(reterr->message)];
	memcpy(rest, reterr->message, sizeof(rest));
	va_list arguments;
	va_start(arguments, format);
	int n = vsnprintf(reterr->message, sizeof(reterr->message), format, arguments);
	va_end(arguments);
	size_t used = n < 0 ? 0 : (size_t)n;
	if (used + 3 < sizeof(reterr->message))
		(void)snprintf(reterr->message + used, sizeof(reterr->message) - used, ": %s", rest);
	reterr->status = status;
	return status;
}
