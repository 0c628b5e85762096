import { defineLibrary } from '../../harness/library.ts'

const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => (at * 7) % 256)

function form(...entries: [name: string, value: string | File][]): FormData {
  const data = new FormData()
  for (const [name, value] of entries) data.append(name, value)
  return data
}

export default defineLibrary({
  packages: ['hono', '@hono/zod-validator'],
  requests: [
    {
      name: 'a file',
      path: '/upload',
      body: form(['title', 'Grüße'], ['file', new File([bytes], 'päper.bin', { type: 'application/x-bin' })]),
      contains: '100000',
    },
    { name: 'an empty file', path: '/upload', body: form(['file', new File([], 'empty.txt')]) },
    {
      name: 'url encoded',
      path: '/upload',
      body: new URLSearchParams({ a: 'x y&z', b: 'ä' }),
      contains: 'x y&z',
    },
    {
      name: 'several files and dots',
      path: '/uploads',
      body: form(
        ['files', new File(['one'], 'one.txt', { type: 'text/plain' })],
        ['files', new File(['two'], 'two.txt', { type: 'text/plain' })],
        ['user.name', 'Ada'],
        ['user.mail', 'ada@example.com'],
      ),
      contains: 'two.txt',
    },
    { name: 'back', path: '/back', body: form(['file', new File([bytes], 'a.bin', { type: 'image/png' })]) },
    { name: 'validated', path: '/validated', body: form(['title', 'long'], ['size', '7']), status: 201 },
    { name: 'invalid', path: '/validated', body: form(['title', 'x'], ['size', '70']), status: 400 },
  ],
})
