import { defineLibrary } from '../../harness/library.ts'

export default defineLibrary({
  packages: ['moment', 'cron-parser', 'croner', 'p-queue'],
  requests: [
    { name: 'moment', path: '/moment', contains: 'Friday, March 1st 2024' },
    { name: 'cron-parser', path: '/cron-parser', contains: '2024-02-28T10:45:00.000Z' },
    {
      name: 'cron-parser, over a change of the clock',
      path: `/cron-parser?expression=${encodeURIComponent('30 2 * 3 0')}`,
      contains: '2024-03-',
    },
    { name: 'croner', path: '/croner', contains: '2028-02-29T05:00:00.000Z' },
    { name: 'p-queue', path: '/p-queue', contains: '"most":2' },
    { name: 'a run', path: '/run', contains: '1' },
    { name: 'no expression', path: '/bad', status: 400, contains: 'Constraint error' },
  ],
})
