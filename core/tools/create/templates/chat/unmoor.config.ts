import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'my-app',
  // Several processes of Node tell each other by a driver, and share a database
  // (npm install iovalkey postgres):
  // targets: { node: { drivers: { chat: 'redis', history: 'postgres' } } },
})
