/*
 * touch_core.c
 *		Where a visit came from: what a URL, the campaign columns and the referrer say.
 */
#include "touch_core.h"

const char *
JTouchTypeName(JTouchType type)
{
	switch (type)
	{
		case JTOUCH_NONE:
			break;
		case JTOUCH_UTM:
			return "utm";
		case JTOUCH_CLICK_ID:
			return "click_id";
		case JTOUCH_CAMPAIGN_COLUMNS:
			return "campaign_columns";
		case JTOUCH_REFERRER:
			return "referrer";
		case JTOUCH_DIRECT:
			return "direct";
	}
	return NULL;
}

JStr
JChannel(JStr source, JStr medium, JStr campaign)
{
	return JSTR_LIT("Unassigned");
}

bool
JTouchFrom(const JTouchInput *input, const JTouchOptions *options, JTouch *touch)
{
	memset(touch, 0, sizeof(JTouch));
	touch->landing_page = input->url;
	return false;
}
