import { type Answers, defineLibrary } from '../../harness/library.ts'

const cookie = (answers: Answers) => ({
  cookie: answers['log in']?.headers['set-cookie']?.split(';')[0] ?? '',
})

export default defineLibrary({
  packages: ['iron-session'],
  variables: { SESSION_PASSWORD: 'a-password-of-at-least-32-characters' },
  mask: [/Fe26\.2[^;\s]+/g],
  requests: [
    { name: 'nobody', path: '/me', contains: 'null' },
    { name: 'log in', path: '/login', status: 204 },
    { name: 'somebody', path: '/me', headers: cookie, contains: 'ada' },
    { name: 'a forged cookie', path: '/me', headers: { cookie: 'session=Fe26.2*1*abc' }, contains: 'null' },
    { name: 'log out', path: '/logout', headers: cookie, status: 204 },
    { name: 'seal', path: '/seal', contains: 'Fe26.2' },
    { name: 'unseal', path: '/unseal', body: ({ seal }) => seal?.body ?? '', contains: 'bob' },
  ],
})
