import { type Answers, defineLibrary } from '../../harness/library.ts'

const bearer =
  (name: string) =>
  (answers: Answers): Record<string, string> => ({ authorization: `Bearer ${answers[name]?.body ?? ''}` })

export default defineLibrary({
  packages: ['hono'],
  variables: { JWT_SECRET: 'it-is-very-secret' },
  requests: [
    { name: 'HS256', path: '/token/HS256', contains: 'eyJ' },
    { name: 'HS512', path: '/token/HS512', contains: 'eyJ' },
    { name: 'with a token', path: '/auth/page', headers: bearer('HS256'), contains: 'user123' },
    { name: 'another algorithm', path: '/auth/page', headers: bearer('HS512'), status: 401 },
    { name: 'without a token', path: '/auth/page', status: 401 },
    { name: 'no token', path: '/auth/page', headers: { authorization: 'Bearer a.b.c' }, status: 401 },
    { name: 'bearer', path: '/bearer/page', headers: { authorization: 'Bearer honoiscool' } },
    { name: 'wrong bearer', path: '/bearer/page', headers: { authorization: 'Bearer no' }, status: 401 },
    { name: 'sets a signed cookie', path: '/signed', contains: 'null' },
    {
      name: 'reads a signed cookie',
      path: '/signed',
      headers: (answers) => ({
        cookie: answers['sets a signed cookie']?.headers['set-cookie']?.split(';')[0] ?? '',
      }),
      contains: 'lots-of-money',
    },
    { name: 'a forged cookie', path: '/signed', headers: { cookie: 'fortune=lots-of-money.AAAA' } },
  ],
})
