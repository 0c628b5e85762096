import _ from 'lodash'
import debounce from 'lodash/debounce.js'
import { defineApp } from 'unmoor'

const users = [
  { user: 'fred', age: 48, tags: ['a', 'b'] },
  { user: 'barney', age: 36, tags: ['b'] },
  { user: 'fred', age: 40, tags: [] },
]

export default defineApp({
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case '/chain':
        return Response.json(
          _.chain(users)
            .groupBy('user')
            .mapValues((of) => _.sumBy(of, 'age'))
            .value(),
        )
      case '/order':
        return Response.json(_.orderBy(users, ['user', 'age'], ['asc', 'desc']))
      case '/merge':
        return Response.json(_.merge({}, { a: [{ b: 1 }], c: { d: 1 } }, { a: [{ e: 2 }], c: { f: 2 } }))
      case '/text':
        return Response.json([
          _.camelCase('Foo Bär'),
          _.kebabCase('fooBar'),
          _.deburr('déjà vu'),
          _.words('a, b & c'),
        ])
      case '/clone': {
        const value = { date: new Date(0), map: new Map([['a', { b: 1 }]]), list: [/x/g, new Uint8Array(2)] }
        const copy = _.cloneDeep(value)
        return Response.json({
          equal: _.isEqual(value, copy),
          same: value.map.get('a') === copy.map.get('a'),
        })
      }
      case '/types':
        return Response.json([
          _.isPlainObject({}),
          _.isBuffer(users),
          _.isTypedArray(new Uint8Array()),
          _.isError(new TypeError('x')),
        ])
      default: {
        let calls = 0
        await new Promise<void>((resolve) => {
          const run = debounce(() => (calls++, resolve()), 1)
          run()
          run()
        })
        return Response.json(calls)
      }
    }
  },
})
