# The agent's image: its files, Node.js and the shared libraries of both; no shell, no package manager. What is in it says
# scripts/image-root.ts, for this file and for scripts/build-image.ts, which makes the same image without Docker and takes
# what follows COPY from here.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends nodejs npm
WORKDIR /earshot
COPY . .
# Installs clang, a C compiler, make and libbpf-dev, and the Node.js that the agent runs on.
RUN npm run build
RUN node_modules/node/bin/node scripts/build-image.ts --root /image

FROM scratch
COPY --from=build /image /
LABEL org.opencontainers.image.title="Earshot"
LABEL org.opencontainers.image.description="Why is my container waiting for CPU, and which workload makes it wait?"
LABEL org.opencontainers.image.licenses="Apache-2.0"
ENTRYPOINT ["/usr/bin/node", "--max-semi-space-size=1", "--v8-pool-size=1", "--no-maglev", "--no-sparkplug", "--disable-sigusr1", "/opt/earshot/dist/main.js"]
CMD ["run", "--config", "/opt/earshot/config/earshot.yaml"]
