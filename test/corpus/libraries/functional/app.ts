import { fromJS, List, Map as ImmutableMap, OrderedSet, Record } from 'immutable'
import * as R from 'ramda'
import { groupBy, map, pipe, sortBy, uniqueBy } from 'remeda'
import { match, P } from 'ts-pattern'
import { defineApp } from 'unmoor'

interface Item {
  name: string
  price: number
}
const items: Item[] = [
  { name: 'b', price: 2 },
  { name: 'ä', price: 1 },
  { name: 'b', price: 3 },
]
const Point = Record({ x: 0, y: 0 }, 'Point')

export default defineApp({
  fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    switch (pathname) {
      case '/ramda':
        return Response.json({
          sum: R.sum(R.pluck('price', items)),
          grouped: R.groupBy(R.prop('name'), items),
          path: R.path(['a', 0, 'b'], { a: [{ b: 1 }] }),
          lens: R.over(R.lensProp<Item, 'price'>('price'), R.inc, items[0] as Item),
          equal: R.equals(new Set([{ a: 1 }]), new Set([{ a: 1 }])),
          text: R.toString({ a: [new Date(0), null] }),
        })
      case '/remeda':
        return Response.json(
          pipe(
            items,
            sortBy([({ price }) => price, 'desc']),
            uniqueBy(({ name }) => name),
            map(({ name }) => name),
          ),
        )
      case '/groups':
        return Response.json(groupBy(items, ({ name }) => name))
      case '/immutable': {
        const base = ImmutableMap({ a: List([1, 2]) })
        const next = base.updateIn(['a'], (list) => (list as List<number>).push(3))
        return Response.json({
          base,
          next,
          equal: fromJS({ a: [1] }).equals(fromJS({ a: [1] })),
          set: OrderedSet([3, 1, 3, 2]),
          point: `${Point({ x: 1 })}`,
          name: Point({}).constructor.name,
        })
      }
      default: {
        const input: unknown = JSON.parse(searchParams.get('value') ?? 'null')
        const text = match(input)
          .with({ type: 'circle', r: P.number }, ({ r }) => `circle ${r}`)
          .with([P.string, P.array(P.number)], ([name, list]) => `${name} ${list.length}`)
          .with(P.nullish, () => 'nothing')
          .otherwise(() => 'something')
        return new Response(text)
      }
    }
  },
})
