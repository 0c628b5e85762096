import { defineBindings, kv, queue, variable } from 'unmoor'

export const bindings = defineBindings({
  notes: kv(),
  thumbnails: queue({ maxRetries: 2 }),
  tableName: variable({ default: 'notes' }),
})

export type Bindings = typeof bindings
