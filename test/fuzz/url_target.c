/*
 * url_target.c
 *		The cores of url and touch under any bytes.
 *
 * The input is a URL, or a URL, a line feed and a referrer. touch_fuzz.c makes URLs of its own and
 * looks closer at what comes out.
 */
#include "touch_core.h"
#include "url_core.h"

#include "arena.h"

static void
Run(const uint8_t *data, size_t size)
{
	const uint8_t *line = size > 0 ? memchr(data, '\n', size) : NULL;
	size_t		len = line == NULL ? size : (size_t) (line - data);
	JStr		url = ArenaCopy(data, len);
	JStr		referrer = line == NULL ? JSTR_NULL : ArenaCopy(line + 1, size - len - 1);
	JUrl		parsed;
	JStr		stripped;
	JTouchInput input = {.url = url, .referrer = referrer, .use_referrer = true};
	JTouch		touch;

	JUrlParse(url, &parsed);
	Check(JStrIsNull(parsed.host) || parsed.host.len > 0, "an empty host");
	(void) JRegistrableDomain(parsed.host);
	stripped = JStripTracking(url);
	Check(stripped.len <= url.len, "stripped is longer");
	Check(JStripTracking(stripped).data == stripped.data, "stripped twice");
	Check(JFormDecode(url, unconstify(char *, ArenaCopy(url.data, url.len).data)) <= url.len, "decoded is longer");
	Check(JTouchFrom(&input, NULL, &touch) == (touch.type != JTOUCH_NONE), "type and result");
	(void) JChannel(url, referrer, url);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	ArenaBegin();
	Run(data, size);
	ArenaEnd();
	return 0;
}
