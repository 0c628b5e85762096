import { defineLibrary } from '../../harness/library.ts'

const ask = (name: string, query: string, contains: string, variables: object = {}) => ({
  name,
  path: '/graphql',
  body: { query, variables },
  contains,
})
const upload = new FormData()
upload.append(
  'operations',
  JSON.stringify({ query: 'mutation ($file: File!) { size(file: $file) }', variables: { file: null } }),
)
upload.append('map', JSON.stringify({ 0: ['variables.file'] }))
upload.append('0', new File(['twelve bytes'], 'a.txt', { type: 'text/plain' }))

export default defineLibrary({
  packages: ['graphql-yoga', 'graphql'],
  requests: [
    ask('query', '{ books { id title author { name } } }', 'Austen'),
    ask('variables', 'query ($name: String!) { greetings(name: $name) }', 'Hello Zoë', { name: 'Zoë' }),
    {
      name: 'get',
      path: `/graphql?query=${encodeURIComponent('{ books(first: 1) { title } }')}`,
      contains: 'Dune',
    },
    ask('mutation', 'mutation { add(title: "New") { id title } }', 'New'),
    ask('an error with a code', '{ secret }', 'FORBIDDEN'),
    ask('a masked error', '{ broken }', 'Unexpected error.'),
    ask('introspection', '{ __schema { types { name } } }', 'Subscription'),
    {
      name: 'invalid',
      path: '/graphql',
      body: { query: '{ nothing }' },
      headers: { accept: 'application/graphql-response+json' },
      status: 400,
    },
    { name: 'syntax error', path: '/graphql', body: { query: '{' }, contains: 'Syntax Error' },
    {
      name: 'subscription',
      path: `/graphql?query=${encodeURIComponent('subscription { countdown(from: 3) }')}`,
      headers: { accept: 'text/event-stream' },
      contains: 'countdown',
    },
    { name: 'upload', path: '/graphql', body: upload, contains: '12' },
    { name: 'graphiql', path: '/graphql', headers: { accept: 'text/html' }, contains: '<!doctype html>' },
    { name: 'health', path: '/health' },
  ],
})
