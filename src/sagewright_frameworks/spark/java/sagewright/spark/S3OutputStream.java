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
    private byte[] buffer = new byte[64 << 10];
    private int filled;
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
            if (filled == buffer.length) {
                grow();
            }
            int count = Math.min(length, buffer.length - filled);
            System.arraycopy(data, offset, buffer, filled, count);
            filled += count;
            offset += count;
            length -= count;
        }
    }

    private void grow() throws IOException {
        int part = partSize();
        if (buffer.length < part) {
            byte[] larger = new byte[Math.min(buffer.length * 4, part)];
            System.arraycopy(buffer, 0, larger, 0, filled);
            buffer = larger;
        } else {
            send();
            buffer = new byte[partSize()];
        }
    }

    /** Ten thousand parts are the most, and an object may have five TiB. */
    private int partSize() {
        return (int) (S3Client.PART << Math.min(parts.size() / 1000, 6));
    }

    private void send() throws IOException {
        try {
            if (upload == null) {
                upload = client.begin(key);
            }
            parts.add(pool.submit(new Part(parts.size() + 1, buffer, filled)));
            size += filled;
            filled = 0;
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
        private final byte[] body;
        private final int length;

        Part(int number, byte[] body, int length) {
            this.number = number;
            this.body = body;
            this.length = length;
        }

        public Object call() throws Exception {
            return client.part(key, upload, number, body, length);
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
                size = filled;
                client.put(key, buffer, filled);
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
        if (filled > 0) {
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
