# syntax=docker/dockerfile:1

FROM --platform=$BUILDPLATFORM golang:1.26-bookworm AS build
ARG TARGETOS
ARG TARGETARCH
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
# The version is what git says of the context: `postback version` reads it from the build information.
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags "-s -w" -o /out/postback ./cmd/postback \
    && mkdir /out/data

# No shell, no package manager; certificates and time zones are in it. A release pins it by digest.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/postback /postback
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
# 8080 is for the networks. 8081 is the admin listener: on loopback inside the container until it is given an address and a token.
EXPOSE 8080 8081
ENTRYPOINT ["/postback"]
CMD ["serve", "--listen", "0.0.0.0:8080", "--data", "/data"]
