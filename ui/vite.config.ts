import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Assets are relative to `<base href>`, so that a reverse proxy's prefix needs one changed line of index.html.
export default defineConfig({
  base: './',
  plugins: [react()],
  build: {
    outDir: '../build/ui',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    chunkSizeWarningLimit: 900,
  },
});
