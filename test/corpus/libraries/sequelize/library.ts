import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['sequelize', 'pg', 'pg-hstore'],
  services: ['postgres'],
  refused: {
    isolate: {
      names: 'pg connects by TCP',
      reason: "Sequelize's pg opens a socket, which an isolate has not",
    },
  },
  requests: [
    { name: 'schema', path: '/schema', status: 204 },
    { name: 'create', path: '/create', contains: '"unique":true,"invalid":true' },
    { name: 'find', path: '/find', contains: 'Ädä' },
    { name: 'transaction', path: '/transaction', contains: '"left":1' },
    { name: 'sql', path: '/sql', contains: '"sum":2' },
  ],
})
