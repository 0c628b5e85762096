import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['@aws-sdk/client-dynamodb', '@aws-sdk/lib-dynamodb'],
  services: ['aws'],
  requests: [
    { name: 'table', method: 'POST', path: '/table', status: 204 },
    {
      name: 'put',
      path: '/items',
      body: { pk: 'a', sk: 1, text: 'Hällo', list: [1.5, null, { deep: true }] },
      status: 201,
    },
    {
      name: 'put twice',
      path: '/items',
      body: { pk: 'a', sk: 1 },
      status: 409,
      contains: 'ConditionalCheckFailedException',
    },
    { name: 'get', path: '/items/a/1', contains: 'Hällo' },
    { name: 'get nothing', path: '/items/a/2', status: 404 },
    { name: 'batch', method: 'POST', path: '/batch', contains: '{}' },
    { name: 'query', path: '/query', contains: '"Count":3' },
    { name: 'update', method: 'PATCH', path: '/items/batch/4', contains: '17' },
  ],
})
