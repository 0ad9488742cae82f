package sagewright.spark;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import org.apache.hadoop.fs.FileSystem;

/** Writes an object, which is there when the stream is closed: in one request, or in parts sent while it is written. */
final class S3OutputStream extends OutputStream {
    private static final int AHEAD = 2;

    private final S3Client client;
    private final String key;
    private final ExecutorService pool;
    private final FileSystem.Statistics statistics;
    private final List parts = new ArrayList();
    private S3Buffer buffer = new S3Buffer();
    private long size;
    private String upload;
    private IOException failure;
    private boolean closed;

    S3OutputStream(S3Client client, String key, ExecutorService pool, FileSystem.Statistics statistics) {
        this.client = client;
        this.key = key;
        this.pool = pool;
        this.statistics = statistics;
    }

    public synchronized void write(int each) throws IOException {
        write(new byte[] {(byte) each}, 0, 1);
    }

    public synchronized void write(byte[] data, int offset, int length) throws IOException {
        if (closed) {
            throw new IOException(key + " is closed");
        }
        if (failure != null) {
            throw failure;
        }
        while (length > 0) {
            if (buffer.size() == partSize()) {
                send();
            }
            int count = (int) Math.min(length, partSize() - buffer.size());
            buffer.write(data, offset, count);
            offset += count;
            length -= count;
        }
    }

    /** Ten thousand parts are the most, and an object may have five TiB. */
    private long partSize() {
        return S3Client.PART << Math.min(parts.size() / 1000, 6);
    }

    private void send() throws IOException {
        try {
            if (upload == null) {
                upload = client.begin(key);
            }
            parts.add(pool.submit(new Part(parts.size() + 1, buffer)));
            size += buffer.size();
            buffer = new S3Buffer();
            if (parts.size() > AHEAD) {
                result((Future) parts.get(parts.size() - 1 - AHEAD));
            }
        } catch (IOException error) {
            failure = error;
            throw error;
        }
    }

    private final class Part implements Callable {
        private final int number;
        private final S3Buffer body;

        Part(int number, S3Buffer body) {
            this.number = number;
            this.body = body;
        }

        public Object call() throws Exception {
            return client.part(key, upload, number, body);
        }
    }

    static Object result(Future future) throws IOException {
        try {
            return future.get();
        } catch (ExecutionException error) {
            throw new IOException(error.getCause().getMessage(), error.getCause());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted");
        }
    }

    public synchronized void close() throws IOException {
        if (closed) {
            return;
        }
        closed = true;
        try {
            if (upload == null && failure == null) {
                size = buffer.size();
                client.put(key, buffer);
            } else if (failure == null) {
                finish();
            }
        } catch (IOException error) {
            failure = error;
        }
        buffer = null;
        if (failure != null) {
            giveUp();
            throw failure;
        }
        statistics.incrementBytesWritten(size);
    }

    private void finish() throws IOException {
        if (buffer.size() > 0) {
            send();
        }
        List tags = new ArrayList();
        for (Object part : parts) {
            tags.add(result((Future) part));
        }
        client.complete(key, upload, tags, size);
    }

    private void giveUp() {
        if (upload == null) {
            return;
        }
        try {
            client.abort(key, upload);
        } catch (IOException error) {
            failure.addSuppressed(error);
        }
    }
}
