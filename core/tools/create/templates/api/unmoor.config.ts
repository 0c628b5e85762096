import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'my-app',
  // Every target has a driver for every binding; name another one here, for example:
  // targets: { node: { drivers: { notes: 'memory' } } },
})
