/*
 * time_core.c
 *		Times as events have them in text.
 */
#include "time_core.h"

/* Exactly n decimal digits; -1 where there are not as many. */
static int
Digits(JStr *s, int n)
{
	int			value = 0;

	if (s->len < n)
		return -1;
	for (int i = 0; i < n; i++)
	{
		if (s->data[i] < '0' || s->data[i] > '9')
			return -1;
		value = value * 10 + (s->data[i] - '0');
	}
	s->data += n;
	s->len -= n;
	return value;
}

static bool
Skip(JStr *s, char c)
{
	if (s->len == 0 || s->data[0] != c)
		return false;
	s->data++;
	s->len--;
	return true;
}

/* Days from 2000-01-01 in the Gregorian calendar, by counting from March on. */
static int64
DaysFrom2000(int year, int month, int day)
{
	int			y = month > 2 ? year : year - 1;
	int			m = month > 2 ? month - 3 : month + 9;

	return INT64CONST(365) * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 730425;
}

static bool
ReadDate(JStr *s, bool *basic, int64 *days)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int			year = Digits(s, 4);
	int			month,
				day,
				length;

	*basic = !Skip(s, '-');
	month = Digits(s, 2);
	if (!*basic && !Skip(s, '-'))
		return false;
	day = Digits(s, 2);
	if (year < 1 || month < 1 || month > 12 || day < 1)
		return false;
	length = lengths[month - 1];
	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		length++;
	*days = DaysFrom2000(year, month, day);
	return day <= length;
}

/* The fraction of a second behind its point, in microseconds. */
static bool
ReadFraction(JStr *s, int *usec)
{
	int			n = 0;

	*usec = 0;
	for (; s->len > 0 && s->data[0] >= '0' && s->data[0] <= '9'; s->data++, s->len--, n++)
	{
		if (n < 6)
			*usec = *usec * 10 + (s->data[0] - '0');
		else if (n == 6 && s->data[0] >= '5')
			(*usec)++;
	}
	for (int i = n; i < 6; i++)
		*usec *= 10;
	return n > 0;
}

static bool
ReadClock(JStr *s, bool basic, int64 *usec)
{
	int			hour = Digits(s, 2);
	int			minute,
				second = 0,
				fraction = 0;

	if (!basic && !Skip(s, ':'))
		return false;
	minute = Digits(s, 2);
	if (basic ? s->len > 0 && s->data[0] >= '0' && s->data[0] <= '9' : Skip(s, ':'))
	{
		second = Digits(s, 2);
		if (second < 0 || ((Skip(s, '.') || Skip(s, ',')) && !ReadFraction(s, &fraction)))
			return false;
	}
	if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || second > 60 ||
		(hour == 24 && (minute > 0 || second > 0 || fraction > 0)))
		return false;
	*usec = ((hour * INT64CONST(60) + minute) * 60 + second) * J_USECS_PER_SEC + fraction;
	return true;
}

/* The zone at the end: how far the clock is before UTC. */
static bool
ReadZone(JStr *s, int64 *usec)
{
	int			sign,
				hour,
				minute = 0;

	*usec = 0;
	if (s->len == 0 || ((s->data[0] == 'Z' || s->data[0] == 'z') && s->len == 1) ||
		(s->len == 4 && memcmp(s->data, " UTC", 4) == 0))
		return true;
	(void) Skip(s, ' ');
	sign = Skip(s, '+') ? 1 : Skip(s, '-') ? -1 : 0;
	if (sign == 0)
		return false;
	hour = Digits(s, 2);
	if (s->len > 0)
	{
		(void) Skip(s, ':');
		minute = Digits(s, 2);
	}
	if (s->len > 0 || hour < 0 || hour > 15 || minute < 0 || minute > 59)
		return false;
	*usec = sign * (hour * INT64CONST(60) + minute) * 60 * J_USECS_PER_SEC;
	return true;
}

bool
JTimeParse(JStr text, int64 *time)
{
	int64		days,
				clock = 0,
				zone = 0;
	bool		basic;

	while (text.len > 0 && text.data[0] == ' ')
		text.data++, text.len--;
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	if (!ReadDate(&text, &basic, &days))
		return false;
	if (text.len > 0)
	{
		if (!Skip(&text, 'T') && !Skip(&text, 't') && !Skip(&text, ' '))
			return false;
		if (!ReadClock(&text, basic, &clock) || !ReadZone(&text, &zone))
			return false;
	}
	*time = days * J_USECS_PER_DAY + clock - zone;
	return true;
}
