import { defineConfig } from "vite";

// `npm run dev` shows the pages with live reload against a running service.
const service = "http://127.0.0.1:8080";

export default defineConfig({
  base: "./",
  build: { outDir: "../static", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0 },
  server: { host: "127.0.0.1", proxy: { "/api": { target: service, changeOrigin: true } } },
});
