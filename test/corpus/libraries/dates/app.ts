import { addMonths, differenceInCalendarDays, format, formatDistance, parseISO } from 'date-fns'
import { de } from 'date-fns/locale'
import dayjs from 'dayjs'
import timezone from 'dayjs/plugin/timezone.js'
import utc from 'dayjs/plugin/utc.js'
import { DateTime, Duration, Interval } from 'luxon'
import { defineApp } from 'unmoor'

dayjs.extend(utc)
dayjs.extend(timezone)

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    const at = searchParams.get('at') ?? '2024-01-31T10:30:00Z'
    switch (pathname) {
      case '/date-fns':
        return Response.json({
          later: addMonths(parseISO(at), 1).toISOString(),
          days: differenceInCalendarDays(parseISO('2024-03-01'), parseISO('2024-02-01')),
          distance: formatDistance(parseISO(at), parseISO('2024-02-03T00:00:00Z'), { addSuffix: true }),
        })
      case '/locale':
        return new Response(format(parseISO('2024-02-29T12:00:00'), 'EEEE, d. MMMM yyyy', { locale: de }))
      case '/dayjs':
        return Response.json({
          tokyo: dayjs.utc(at).tz('Asia/Tokyo').format('YYYY-MM-DDTHH:mm:ssZ'),
          berlin: dayjs.tz('2024-07-01 12:00', 'Europe/Berlin').toISOString(),
          end: dayjs.utc(at).endOf('month').toISOString(),
        })
      case '/luxon':
        return Response.json({
          zone: DateTime.fromISO(at, { zone: 'America/New_York' }).toISO(),
          text: DateTime.fromISO(at, { zone: 'utc', locale: 'fr' }).toLocaleString(DateTime.DATE_FULL),
          week: DateTime.fromISO(at, { zone: 'utc' }).toISOWeekDate(),
        })
      case '/intervals':
        return Response.json({
          days: Interval.fromISO('2024-01-01/2024-03-01', { zone: 'utc' }).length('days'),
          human: Duration.fromObject({ hours: 2, minutes: 7 }).toHuman(),
        })
      default:
        return Response.json([DateTime.fromISO('nonsense').invalidExplanation, dayjs('nonsense').isValid()])
    }
  },
})
