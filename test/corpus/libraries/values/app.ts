import { Decimal } from 'decimal.js'
import { parse, stringify, uneval } from 'devalue'
import i18next from 'i18next'
import { concatMap, firstValueFrom, from, interval, map, take, throwError, toArray } from 'rxjs'
import semver from 'semver'
import superjson from 'superjson'
import { array, number, object, string, ValidationError } from 'yup'
import { defineApp } from 'unmoor'

const rich = {
  date: new Date(0),
  map: new Map([['a', new Set([1])]]),
  big: 2n ** 70n,
  none: undefined,
  regexp: /ä/gi,
}

export default defineApp({
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/superjson': {
        const text = superjson.stringify(rich)
        const back = superjson.parse<typeof rich>(text)
        return Response.json({ text, big: String(back.big), date: back.date instanceof Date })
      }
      case '/devalue': {
        const text = stringify({ ...rich, self: rich })
        return Response.json({
          text,
          code: uneval(rich),
          set: (parse(text) as typeof rich).map.get('a')?.has(1),
        })
      }
      case '/decimal':
        return Response.json([
          new Decimal('0.1').plus('0.2').toString(),
          new Decimal(2).sqrt().toFixed(18),
          new Decimal('1e400').toString(),
        ])
      case '/semver':
        return Response.json([
          semver.satisfies('1.4.2', '^1.2 || >=3'),
          semver.inc('1.2.3', 'minor'),
          semver.sort(['2.0.0', '1.0.0-rc.1', '1.0.0']),
        ])
      case '/rxjs': {
        const squares = interval(1).pipe(
          take(4),
          map((n) => n * n),
          concatMap((n) => from(Promise.resolve(n))),
          toArray(),
        )
        const failed = await firstValueFrom(throwError(() => new RangeError('too far'))).catch(
          (error: Error) => error.name,
        )
        return Response.json({ squares: await firstValueFrom(squares), failed })
      }
      case '/i18next': {
        const resources = {
          de: { translation: { items_one: '{{count}} Ding', items_other: '{{count}} Dinge' } },
        }
        const i18n = i18next.createInstance()
        await i18n.init({ lng: 'de', resources })
        return Response.json([
          i18n.t('items', { count: 1 }),
          i18n.t('items', { count: 5 }),
          i18n.t('missing'),
        ])
      }
      default: {
        const schema = object({
          name: string().required().min(2),
          age: number().positive().integer(),
          tags: array(string()),
        })
        try {
          return Response.json(
            await schema.validate(JSON.parse(searchParams.get('value') ?? '{}'), { abortEarly: false }),
          )
        } catch (error) {
          if (!(error instanceof ValidationError)) throw error
          return Response.json(
            { name: error.name, of: error.constructor.name, errors: error.errors },
            { status: 400 },
          )
        }
      }
    }
  },
})
