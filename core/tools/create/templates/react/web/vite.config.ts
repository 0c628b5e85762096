import { defineConfig } from 'vite'

export default defineConfig({
  build: { outDir: '../public', emptyOutDir: true },
  // `npm run dev:web` serves the page, and the app that `npm run dev` runs has the routes.
  server: { proxy: { '/api': 'http://127.0.0.1:8787' } },
})
