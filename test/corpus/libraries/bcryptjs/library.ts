import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['bcryptjs'],
  requests: [
    { name: 'hash', path: '/hash?password=B4c0%2F%2F', contains: '"matches":true' },
    { name: 'a given salt', path: '/salted?password=p%C3%A4ssword', contains: '$2b$04$' },
    {
      name: 'right',
      path: (answers) =>
        `/compare?password=p%C3%A4ssword&hash=${encodeURIComponent(answers['a given salt']?.body ?? '')}`,
      contains: 'true',
    },
    {
      name: 'wrong',
      path: (answers) =>
        `/compare?password=x&hash=${encodeURIComponent(answers['a given salt']?.body ?? '')}`,
      contains: 'false',
    },
    { name: 'no salt', path: '/bad?password=x', status: 400, contains: 'Invalid salt' },
  ],
})
