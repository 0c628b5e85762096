import { defineApp, defineBindings, queue } from 'unmoor'

const MANY = 1000

export default defineApp({
  bindings: defineBindings({
    jobs: queue({
      maxRetries: 200, // expect: queue-option
      batchSize: MANY, // expect: queue-option
      retryDelay: 30,
    }),
  }),
  fetch: () => new Response('ok'),
  queues: { jobs: () => {} },
  crons: {
    daily: { schedule: '0 3 * * *', run: () => {} },
    weekly: { schedule: '0 3 * * 1', run: () => {} }, // expect: cron-weekday
    both: { schedule: '0 3 1 * MON', run: () => {} }, // expect: cron-day-and-weekday
    seconds: { schedule: '0 0 3 * * *', run: () => {} }, // expect: cron-schedule
    minute: { schedule: '61 3 * * *', run: () => {} }, // expect: cron-schedule
  },
})
