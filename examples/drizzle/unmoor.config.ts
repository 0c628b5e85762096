import { defineConfig } from 'unmoor'

export default defineConfig({ name: 'drizzle-tasks', entry: './src/app.ts' })
