# docker build --tag mailtrap-receiver .
# Behind a proxy that opens TLS, or with a registry of your own, both of them secrets that stay in no layer:
#   docker build --secret id=ca,src=company-ca.pem --secret id=npmrc,src=$HOME/.npmrc --tag mailtrap-receiver .
ARG NODE_IMAGE=node:24-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package needs an install script: native parts come prebuilt.
RUN --mount=type=secret,id=ca,target=/run/secrets/ca.pem \
  --mount=type=secret,id=npmrc,target=/root/.npmrc \
  if [ -f /run/secrets/ca.pem ]; then export NODE_EXTRA_CA_CERTS=/run/secrets/ca.pem; fi \
  && npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json .build.mjs LICENSE ./
COPY src ./src
COPY fixtures ./fixtures
RUN npm run build && npm prune --omit=dev --ignore-scripts --no-audit --no-fund
# SQLite for other systems, its sources, and what only debuggers and compilers read of packages: half of them.
RUN cd node_modules/@photostructure/sqlite \
  && rm -r src \
  && find prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$(node -p process.arch)" -exec rm -r {} + \
  && cd ../.. \
  && find . -type f '(' -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' ')' -delete
# A checkout may keep its files to one user; in the image, any user has to read them.
RUN chmod -R a+rX dist fixtures node_modules package.json LICENSE

FROM ${NODE_IMAGE}
WORKDIR /app
# A named volume takes owner and mode from the folder that it covers. The group is for platforms that run
# images as a user of their own in group 0.
RUN mkdir -m 0770 /data \
  && chown 10001:0 /data \
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
# Smaller heaps than Node would let garbage fill: they make a third of the memory, and cost no speed; young objects
# have all of their room at once, which a start needs.
ENTRYPOINT ["node", "--enable-source-maps", "--min-semi-space-size=4", "--max-semi-space-size=4", "--max-old-space-size=1024", "/app/dist/main.js"]
CMD ["serve"]
# Where it comes from: --build-arg SOURCE=https://…, --build-arg REVISION=$(git rev-parse HEAD).
ARG VERSION=0.2.0
ARG SOURCE=
ARG REVISION=
LABEL org.opencontainers.image.title="mailtrap-receiver" \
  org.opencontainers.image.description="The server behind your Mailtrap webhook URL" \
  org.opencontainers.image.licenses="MIT" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.revision="${REVISION}"
