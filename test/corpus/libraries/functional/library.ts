import { defineLibrary } from '../../harness/library.ts'

const matched = (value: unknown): string => `/match?value=${encodeURIComponent(JSON.stringify(value))}`

export default defineLibrary({
  packages: ['ramda', 'remeda', 'immutable', 'ts-pattern'],
  requests: [
    { name: 'ramda', path: '/ramda', contains: '"sum":6' },
    { name: 'remeda', path: '/remeda', contains: '["b","ä"]' },
    { name: 'remeda, groups', path: '/groups', contains: '"ä":[' },
    { name: 'immutable', path: '/immutable', contains: '"next":{"a":[1,2,3]}' },
    { name: 'ts-pattern', path: matched({ type: 'circle', r: 2 }), contains: 'circle 2' },
    { name: 'ts-pattern, a list', path: matched(['a', [1, 2]]), contains: 'a 2' },
    { name: 'ts-pattern, nothing', path: '/match', contains: 'nothing' },
  ],
})
