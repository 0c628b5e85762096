import { defineConfig } from 'unmoor'

export default defineConfig({
  name: 'links',
  entry: './src/app.ts',
})
