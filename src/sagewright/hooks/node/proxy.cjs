"use strict";
// What `sagewright run` preloads into Node children: https requests to AWS's hosts go through the proxy in HTTPS_PROXY.
//
// Node's own support (NODE_USE_ENV_PROXY, Node 22.21 and 24) reaches the global agent and fetch only, and Node 20 has
// none; the AWS SDK makes agents of its own. So the one place is changed that all agents have in common: how an
// https.Agent opens a connection. Requests to other hosts, and agents that have a proxy of their own, stay untouched.

const https = require("node:https");
const net = require("node:net");
const tls = require("node:tls");

const AWS = /(?:^|\.)(?:amazonaws\.com(?:\.cn)?|api\.aws|sagemaker\.aws)\.?$/i;
const HEAD_LIMIT = 32 * 1024;

function proxyUrl() {
  try {
    return new URL(process.env.https_proxy || process.env.HTTPS_PROXY || "");
  } catch {
    return null;
  }
}

// A socket that is a tunnel to host:port, or an error.
function tunnel(proxy, host, port, done) {
  const socket = net.connect({ host: proxy.hostname, port: Number(proxy.port || 80) });
  let head = "";
  const fail = (error) => {
    socket.destroy();
    done(error);
  };
  const onEnd = () => fail(new Error(`the proxy ${proxy.host} hung up`));
  const onData = (chunk) => {
    head += chunk.toString("latin1");
    const end = head.indexOf("\r\n\r\n");
    if (end < 0 && head.length < HEAD_LIMIT) return;
    socket.off("error", fail).off("end", onEnd).off("data", onData);
    if (!/^HTTP\/1\.[01] 200 /.test(head)) {
      fail(new Error(`the proxy ${proxy.host} answered ${head.split("\r\n", 1)[0]}`));
      return;
    }
    socket.pause();
    done(null, socket);
  };
  socket.on("error", fail).on("end", onEnd).on("data", onData);
  socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
}

const createConnection = https.Agent.prototype.createConnection;

https.Agent.prototype.createConnection = function (...args) {
  const options = args.find((arg) => arg !== null && typeof arg === "object") || {};
  const callback = args.find((arg) => typeof arg === "function");
  const host = options.host || options.hostname;
  const proxy = proxyUrl();
  const has_own = options.socket || this.proxy || (this.options && this.options.proxyEnv);
  if (!proxy || !callback || has_own || !host || !AWS.test(host)) {
    return createConnection.apply(this, args);
  }
  tunnel(proxy, host, options.port || 443, (error, socket) => {
    if (error) {
      callback(error);
      return;
    }
    const servername = options.servername || host;
    callback(null, createConnection.call(this, { ...options, socket, servername, path: undefined }));
  });
  return undefined;
};

// fetch of a Node without proxy support of its own: an agent of the built-in client, with our way to connect.
const [major, minor] = process.versions.node.split(".").map(Number);
const has_support = major >= 24 || (major === 22 && minor >= 21);
const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

function connect(options, callback) {
  const { hostname, port, servername } = options;
  const proxy = options.protocol === "https:" && AWS.test(hostname) ? proxyUrl() : null;
  const secure = (error, socket) => {
    if (error) {
      callback(error);
      return;
    }
    const settings = { socket, servername: servername || hostname, ALPNProtocols: ["http/1.1"] };
    const inner = tls.connect(settings, () => callback(null, inner)).on("error", callback);
  };
  const wanted = Number(port || (options.protocol === "https:" ? 443 : 80));
  if (proxy) {
    tunnel(proxy, hostname, wanted, secure);
    return;
  }
  const socket = net.connect({ host: hostname, port: wanted });
  socket.once("error", callback).once("connect", () => {
    socket.off("error", callback);
    if (options.protocol === "https:") secure(null, socket);
    else callback(null, socket);
  });
}

if (!has_support && typeof globalThis.fetch === "function") {
  const fetch = globalThis.fetch;
  let agent;
  globalThis.fetch = function (resource, init) {
    const url = String((resource && resource.url) || resource);
    let host = "";
    try {
      host = new URL(url).hostname;
    } catch {
      // fetch itself says what is wrong with it
    }
    if (!AWS.test(host) || (init && init.dispatcher) || !proxyUrl()) return fetch.call(this, resource, init);
    if (!agent) {
      fetch("data:,").catch(() => {}); // loads the client, and with it the global agent
      const global = globalThis[DISPATCHER];
      if (!global) return fetch.call(this, resource, init);
      agent = new global.constructor({ connect });
    }
    return fetch.call(this, resource, { ...init, dispatcher: agent });
  };
}
