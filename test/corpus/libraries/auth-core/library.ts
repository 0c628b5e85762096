import { type Answers, defineLibrary } from '../../harness/library.ts'

const form = { 'content-type': 'application/x-www-form-urlencoded', 'x-auth-return-redirect': '1' }
const cookies = (...answers: (string | undefined)[]): string =>
  answers
    .flatMap((cookies) => cookies?.split('\n') ?? [])
    .map((cookie) => cookie.split(';')[0])
    .join('; ')
const token = (answers: Answers): string =>
  (JSON.parse(answers['csrf']?.body ?? '{}') as { csrfToken?: string }).csrfToken ?? ''
const credentials = (password: string) => (answers: Answers) =>
  new URLSearchParams({ csrfToken: token(answers), username: 'ada', password }).toString()
const withCsrf = (answers: Answers) => ({ ...form, cookie: cookies(answers['csrf']?.headers['set-cookie']) })
const signedIn = (answers: Answers) => ({
  ...form,
  cookie: cookies(answers['csrf']?.headers['set-cookie'], answers['sign in']?.headers['set-cookie']),
})

export default defineLibrary({
  packages: ['@auth/core'],
  variables: { AUTH_SECRET: 'a-secret-of-at-least-32-characters' },
  mask: [
    /[0-9a-f]{64}/g,
    /(?<=(?:session-token|code_challenge|pkce[\w.]*|state)=)[^;&\n]+/g,
    /(?<=Expires=)[^;\n]+/g,
    /"expires":"[^"]+"/g,
  ],
  requests: [
    { name: 'providers', path: '/auth/providers', contains: 'github' },
    { name: 'csrf', path: '/auth/csrf', contains: 'csrfToken' },
    { name: 'no session', path: '/auth/session', contains: 'null' },
    { name: 'sign in page', path: '/auth/signin', contains: '<form' },
    {
      name: 'sign in',
      path: '/auth/callback/credentials',
      body: credentials('secret'),
      headers: withCsrf,
      contains: 'url',
    },
    { name: 'session', path: '/auth/session', headers: signedIn, contains: '"role":"admin"' },
    {
      name: 'wrong password',
      path: '/auth/callback/credentials',
      body: credentials('no'),
      headers: withCsrf,
      contains: 'CredentialsSignin',
    },
    {
      name: 'without a csrf token',
      path: '/auth/callback/credentials',
      body: 'username=ada&password=secret',
      headers: form,
      contains: 'url',
    },
    {
      name: 'oauth',
      path: '/auth/signin/github',
      body: (answers) => `csrfToken=${token(answers)}`,
      headers: withCsrf,
      contains: 'github.com',
    },
    {
      name: 'sign out',
      path: '/auth/signout',
      body: (answers) => `csrfToken=${token(answers)}`,
      headers: signedIn,
      contains: 'url',
    },
    { name: 'unknown action', path: '/auth/nothing', status: 400 },
  ],
})
