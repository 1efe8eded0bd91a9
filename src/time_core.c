/*
 * time_core.c
 *		Times that sources and payloads hold as text.
 */
#include "time_core.h"

#include "datatype/timestamp.h"

/* More than timestamptz has on either side of 2000, and few enough to count in microseconds. */
#define MAX_DAYS INT64CONST(106700000)

/* What is left to read. */
typedef struct JCursor
{
	const char *p;
	const char *end;
} JCursor;

static int
JDigitsAhead(const JCursor *c)
{
	int			n = 0;

	while (c->p + n < c->end && c->p[n] >= '0' && c->p[n] <= '9')
		n++;
	return n;
}

/* Takes n digits, which must be there. */
static int
JTakeNumber(JCursor *c, int n)
{
	int			value = 0;

	while (n-- > 0)
		value = value * 10 + (*c->p++ - '0');
	return value;
}

static bool
JTake(JCursor *c, char wanted)
{
	if (c->p == c->end || *c->p != wanted)
		return false;
	c->p++;
	return true;
}

/* A hyphen or, in UTF-8, the minus sign that the standard prefers. */
static bool
JTakeMinus(JCursor *c)
{
	if (JTake(c, '-'))
		return true;
	if (c->end - c->p < 3 || memcmp(c->p, "\xe2\x88\x92", 3) != 0)
		return false;
	c->p += 3;
	return true;
}

static bool
JTakeTwo(JCursor *c, int *value)
{
	if (JDigitsAhead(c) < 2)
		return false;
	*value = JTakeNumber(c, 2);
	return true;
}

/* Days from 2000-01-01 to the first of a month of the Gregorian calendar, of whatever year. */
static int64
JDayOfMonth(int64 year, int month)
{
	int64		y = month > 2 ? year : year - 1;	/* years that begin in March */
	int64		m = month > 2 ? month - 3 : month + 9;
	int64		century = y >= 0 ? y / 400 : -((399 - y) / 400);
	int64		of_century = y - century * 400;

	return century * 146097 + of_century * 365 + of_century / 4 - of_century / 100 + (153 * m + 2) / 5 -
		730425;
}

/* The day of a calendar date, from 2000-01-01; false where there is no such date. */
static bool
JCalendarDay(int year, int month, int day, int64 *result)
{
	int64		first;

	if (month < 1 || month > 12 || day < 1)
		return false;
	first = JDayOfMonth(year, month);
	*result = first + day - 1;
	return *result < (month == 12 ? JDayOfMonth(year + 1, 1) : JDayOfMonth(year, month + 1));
}

static bool
JOrdinalDay(int year, int day, int64 *result)
{
	*result = JDayOfMonth(year, 1) + day - 1;
	return day >= 1 && *result < JDayOfMonth(year + 1, 1);
}

/* Monday of the first week of a year, the one with its first Thursday. 2000-01-01 was a Saturday. */
static int64
JFirstMonday(int year)
{
	int64		fourth = JDayOfMonth(year, 1) + 3;

	return fourth - ((fourth + 5) % 7 + 7) % 7;
}

static bool
JWeekDay(int year, int week, int day, int64 *result)
{
	*result = JFirstMonday(year) + (week - 1) * 7 + day - 1;
	return week >= 1 && day >= 1 && day <= 7 && *result < JFirstMonday(year + 1);
}

/* A date; `basic` says that it has no separators. */
static bool
JTakeDate(JCursor *c, int64 *day, bool *basic)
{
	bool		minus = JTakeMinus(c);
	bool		expanded = minus || JTake(c, '+');
	int			digits = JDigitsAhead(c);
	int			year_digits = expanded ? 6 : 4;
	int			year,
				a,
				b;

	if (digits < year_digits)
		return false;
	year = JTakeNumber(c, year_digits);
	if (minus && year == 0)
		return false;
	year = minus ? -year : year;
	digits -= year_digits;
	*basic = digits > 0 || (c->p < c->end && *c->p == 'W');
	if (!*basic && !JTakeMinus(c))
		return false;

	if (JTake(c, 'W'))
	{
		if (!JTakeTwo(c, &a) || (!*basic && !JTakeMinus(c)) || JDigitsAhead(c) != 1)
			return false;
		return JWeekDay(year, a, JTakeNumber(c, 1), day);
	}
	digits = JDigitsAhead(c);
	if (digits == 3)
		return JOrdinalDay(year, JTakeNumber(c, 3), day);
	if (digits != (*basic ? 4 : 2))
		return false;
	a = JTakeNumber(c, 2);
	if ((!*basic && !JTakeMinus(c)) || JDigitsAhead(c) != 2)
		return false;
	b = JTakeNumber(c, 2);
	return JCalendarDay(year, a, b, day);
}

/* So many of an hour fit into 64 bits; of a minute more would not move a microsecond. */
#define MAX_FRACTION_DIGITS 9

/* A fraction of a unit behind a point or comma, in microseconds, to the nearest. */
static bool
JTakeFraction(JCursor *c, int64 unit, int64 *usecs)
{
	int			n;
	int64		value = 0;
	int64		scale = 1;

	if (!JTake(c, '.') && !JTake(c, ','))
		return true;
	n = JDigitsAhead(c);
	if (n == 0 || (unit == USECS_PER_HOUR && n > MAX_FRACTION_DIGITS))
		return false;
	for (int i = 0; i < Min(n, MAX_FRACTION_DIGITS); i++)
	{
		value = value * 10 + (c->p[i] - '0');
		scale *= 10;
	}
	c->p += n;
	*usecs += (value * unit + scale / 2) / scale;
	return true;
}

/* A time of day, in microseconds. */
static bool
JTakeTime(JCursor *c, int64 *usecs)
{
	int			hour,
				minute = 0,
				second = 0;
	int64		unit = USECS_PER_HOUR;
	bool		colon;

	if (!JTakeTwo(c, &hour))
		return false;
	colon = JTake(c, ':');
	if (colon || JDigitsAhead(c) > 0)
	{
		if (!JTakeTwo(c, &minute))
			return false;
		unit = USECS_PER_MINUTE;
		if (colon ? JTake(c, ':') : JDigitsAhead(c) > 0)
		{
			if (!JTakeTwo(c, &second))
				return false;
			unit = USECS_PER_SEC;
		}
		if (JDigitsAhead(c) > 0)
			return false;
	}
	*usecs = hour * USECS_PER_HOUR + minute * USECS_PER_MINUTE + second * USECS_PER_SEC;
	if (!JTakeFraction(c, unit, usecs))
		return false;
	return hour <= 24 && minute < 60 && second <= 60 && (hour < 24 || *usecs == USECS_PER_DAY);
}

/* An offset from UTC, in microseconds; of a date alone only one that cannot be a part of the date. */
static bool
JTakeOffset(JCursor *c, bool has_time, int64 *usecs)
{
	bool		minus;
	bool		colon;
	int			hour,
				minute = 0,
				second = 0;

	*usecs = 0;
	while (JTake(c, ' '))
		;
	if (c->p == c->end || JTake(c, 'Z') || JTake(c, 'z'))
		return true;
	if (c->end - c->p == 3 && memcmp(c->p, "UTC", 3) == 0)
	{
		c->p += 3;
		return true;
	}
	minus = JTakeMinus(c);
	if ((!minus && !JTake(c, '+')) || !JTakeTwo(c, &hour))
		return false;
	colon = JTake(c, ':');
	if (!has_time && !colon)
		return false;
	if ((colon || JDigitsAhead(c) > 0) && !JTakeTwo(c, &minute))
		return false;
	if (colon && JTake(c, ':') && !JTakeTwo(c, &second))
		return false;
	*usecs = hour * USECS_PER_HOUR + minute * USECS_PER_MINUTE + second * USECS_PER_SEC;
	*usecs = minus ? -*usecs : *usecs;
	return hour < 16 && minute < 60 && second < 60;
}

bool
JTimeFromIso(JStr value, int64 *time)
{
	JCursor		c = {value.data, value.data + value.len};
	bool		has_time = false;
	bool		basic;
	int64		day,
				of_day = 0,
				offset;

	while (c.p < c.end && (*c.p == ' ' || (*c.p >= '\t' && *c.p <= '\r')))
		c.p++;
	while (c.end > c.p && (c.end[-1] == ' ' || (c.end[-1] >= '\t' && c.end[-1] <= '\r')))
		c.end--;
	if (!JTakeDate(&c, &day, &basic))
		return false;
	if (JTake(&c, 'T') || JTake(&c, 't'))
		has_time = true;
	else
	{
		const char *behind = c.p;

		while (JTake(&c, ' '))
			;
		has_time = c.p > behind && JDigitsAhead(&c) > 0;
	}
	if (has_time && !JTakeTime(&c, &of_day))
		return false;
	if (!JTakeOffset(&c, has_time, &offset) || c.p != c.end)
		return false;
	if (day < -MAX_DAYS || day > MAX_DAYS)
		return false;
	*time = day * USECS_PER_DAY + of_day - offset;
	return IS_VALID_TIMESTAMP(*time);
}
