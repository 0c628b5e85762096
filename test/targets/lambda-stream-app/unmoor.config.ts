import { defineConfig } from 'unmoor'

export default defineConfig({ name: 'lambda-stream' })
