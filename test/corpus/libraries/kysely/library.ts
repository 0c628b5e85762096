import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['kysely'],
  requests: [
    {
      name: 'insert',
      path: '/people',
      body: [
        { id: 'a', first_name: 'Ada', age: 36, pets: ['Rex', 'Rover', 'Tom'] },
        { id: 'b', first_name: 'Bøb', age: 20, pets: ['Fido'] },
      ],
      status: 201,
      contains: '"inserted":2',
    },
    { name: 'select', path: '/people', contains: 'Bøb' },
    { name: 'where', path: '/people?age=30', contains: 'Ada' },
    { name: 'join', path: '/pets', contains: '"pets":3' },
    { name: 'update', method: 'PATCH', path: '/people?id=a&last_name=Lovelace', contains: '"age":37' },
    { name: 'update of nobody', method: 'PATCH', path: '/people?id=z', status: 404 },
    { name: 'delete', method: 'DELETE', path: '/pets', contains: '"deleted":2' },
    { name: 'raw', path: '/total', contains: '58' },
  ],
})
