import react from '@vitejs/plugin-react'
import { unmoor } from 'unmoor/vite'
import { defineConfig } from 'vite'

export default defineConfig({
  // `vite build` writes the page to dist/, and what to deploy to .unmoor/TARGET for each of these targets.
  plugins: [react(), unmoor({ targets: ['node'] })],
})
