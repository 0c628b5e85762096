import { defineApp } from 'unmoor'
import { bindings } from './bindings.ts'
import { deleteOldClicks, recordClicks } from './clicks.ts'
import { routes } from './routes.ts'

export default defineApp({
  bindings,
  fetch: routes.fetch,
  queues: {
    clicks: (batch, env) => recordClicks(batch, env.stats),
    lostClicks: (batch) => {
      for (const { body, id } of batch.messages) console.error('click could not be recorded', id, body.slug)
    },
  },
  crons: {
    cleanup: {
      schedule: '0 3 * * *',
      run: (event, env) => deleteOldClicks(env.stats, event.scheduledTime, Number(env.retentionDays)),
    },
  },
})
