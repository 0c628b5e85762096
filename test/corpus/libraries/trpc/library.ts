import { defineLibrary } from '../../harness/library.ts'

const input = (value: unknown): string => encodeURIComponent(JSON.stringify(value))
const form = new FormData()
form.append('file', new File(['text'], 'a.txt'))

export default defineLibrary({
  packages: ['@trpc/server'],
  // A stack has the places of the bundle.
  mask: [/"stack":"(?:[^"\\]|\\.)*"/g],
  requests: [
    { name: 'query', path: `/trpc/hello?input=${input({ name: 'Ädä' })}`, contains: 'Hello Ädä' },
    { name: 'invalid input', path: `/trpc/hello?input=${input({})}`, status: 400, contains: 'BAD_REQUEST' },
    { name: 'unauthorized', path: '/trpc/me', status: 401, contains: 'Log in first' },
    { name: 'authorized', path: '/trpc/me', headers: { 'x-user': 'ada' }, contains: 'ada' },
    { name: 'mutation', path: '/trpc/add', body: { title: 'New' }, contains: 'New' },
    { name: 'batch', path: `/trpc/hello,me?batch=1&input=${input({ 0: { name: 'x' } })}`, status: 207 },
    { name: 'form data', path: '/trpc/upload', body: form, contains: 'file' },
    { name: 'error', path: '/trpc/fails', status: 500, contains: 'too much' },
    { name: 'unknown procedure', path: '/trpc/nothing', status: 404 },
    {
      name: 'subscription',
      path: '/trpc/count',
      headers: { accept: 'text/event-stream' },
      contains: 'data: 2',
    },
    {
      name: 'streamed batch',
      path: `/trpc/hello,fails?batch=1&input=${input({ 0: { name: 'x' } })}`,
      headers: { 'trpc-accept': 'application/jsonl' },
      contains: 'Hello x',
    },
  ],
})
