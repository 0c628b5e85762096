import { defineConfig } from 'unmoor'

export default defineConfig({ name: 'kysely-posts', entry: './src/app.ts' })
