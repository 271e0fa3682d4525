ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs an install script: native parts come prebuilt.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json .build.mjs LICENSE ./
COPY src ./src
COPY fixtures ./fixtures
# A checkout may keep its files to one user; in the image, user 10001 has to read them.
RUN npm run build \
  && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
  && chmod -R a+rX dist fixtures node_modules package.json LICENSE

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="mailtrap-receiver" \
  org.opencontainers.image.description="The server behind your Mailtrap webhook URL" \
  org.opencontainers.image.licenses="MIT"
WORKDIR /app
# A named volume takes owner and mode from the folder that it covers.
RUN mkdir -m 0700 /data \
  && chown 10001:10001 /data \
  && ln -s /app/dist/main.js /usr/local/bin/mailtrap-receiver
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/fixtures ./fixtures
COPY --from=build /app/dist ./dist
ENV NODE_ENV=production \
  DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
# It reads the settings, so that it asks at the right port, with TLS or without.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "/app/dist/health-check.js"]
# Smaller heaps than Node would let garbage fill: they make a third of the memory, and cost no speed.
ENTRYPOINT ["node", "--enable-source-maps", "--max-semi-space-size=4", "--max-old-space-size=1024", "/app/dist/main.js"]
CMD ["serve"]
