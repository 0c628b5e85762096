import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'lambda-stream',
  targets: { isolate: { options: { outbound: { allow: ['127.0.0.1'] } } } },
})
