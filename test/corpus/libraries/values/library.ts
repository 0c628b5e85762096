import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['superjson', 'devalue', 'decimal.js', 'semver', 'rxjs', 'i18next', 'yup'],
  requests: [
    { name: 'superjson', path: '/superjson', contains: '1180591620717411303424' },
    { name: 'devalue', path: '/devalue', contains: '"set":true' },
    { name: 'decimal.js', path: '/decimal', contains: '1e+400' },
    { name: 'semver', path: '/semver', contains: '1.0.0-rc.1' },
    { name: 'rxjs', path: '/rxjs', contains: '[0,1,4,9]' },
    { name: 'i18next', path: '/i18next', contains: '5 Dinge' },
    { name: 'yup', path: `/yup?value=${encodeURIComponent('{"name":"Ada","age":"7"}')}`, contains: '7' },
    {
      name: 'yup, invalid',
      path: `/yup?value=${encodeURIComponent('{"name":"A","age":-1}')}`,
      status: 400,
      contains: 'ValidationError',
    },
  ],
})
