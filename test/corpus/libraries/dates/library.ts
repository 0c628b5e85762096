import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['date-fns', 'dayjs', 'luxon'],
  requests: [
    { name: 'date-fns', path: '/date-fns', contains: '"days":29' },
    { name: 'a locale', path: '/locale', contains: 'Donnerstag, 29. Februar 2024' },
    { name: 'dayjs', path: '/dayjs', contains: '+09:00' },
    { name: 'luxon', path: '/luxon', contains: '31 janvier 2024' },
    { name: 'intervals', path: '/intervals', contains: '"days":60' },
    { name: 'invalid', path: '/invalid' },
  ],
})
