package sagewright.spark;

import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import org.apache.hadoop.fs.FSInputStream;
import org.apache.hadoop.fs.FileSystem;

/** Reads an object in windows, which grow as long as reading goes straight on, and start small again after a jump. */
final class S3InputStream extends FSInputStream {
    private static final long FIRST = 1L << 20;
    private static final long MOST = 64L << 20;
    private static final long SKIP = 256L << 10;
    private static final int TRIES = 4;

    private final S3Client client;
    private final S3Client.Entry object;
    private final FileSystem.Statistics statistics;
    private InputStream body;
    private long end;
    private long at;
    private long position;
    private long window = FIRST;

    S3InputStream(S3Client client, S3Client.Entry object, FileSystem.Statistics statistics) {
        this.client = client;
        this.object = object;
        this.statistics = statistics;
    }

    public synchronized long getPos() {
        return position;
    }

    public synchronized void seek(long target) throws IOException {
        if (target < 0 || target > object.size) {
            throw new EOFException("seek to " + target + " in " + object.key + ", which has " + object.size + " bytes");
        }
        position = target;
    }

    public boolean seekToNewSource(long target) {
        return false;
    }

    public synchronized int available() throws IOException {
        return body != null && position == at ? body.available() : 0;
    }

    public synchronized int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    public synchronized int read(byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (position >= object.size) {
            return -1;
        }
        for (int tried = 1; ; tried++) {
            try {
                arrive();
                int count = body.read(buffer, offset, (int) Math.min(length, end - at));
                if (count > 0) {
                    at += count;
                    position = at;
                    statistics.incrementBytesRead(count);
                    return count;
                }
                throw new EOFException(object.key + " ended at " + at + " of " + object.size + " bytes");
            } catch (InterruptedIOException error) {
                throw error;
            } catch (IOException error) {
                drop();
                if (tried == TRIES || error instanceof java.io.FileNotFoundException) {
                    throw error;
                }
            }
        }
    }

    /** Have a body that stands at the position. */
    private void arrive() throws IOException {
        if (body != null && position > at && position < end && position - at <= SKIP) {
            body.skipNBytes(position - at);
            at = position;
        }
        if (body != null && position == at && at < end) {
            return;
        }
        window = position == at ? Math.min(window * 2, MOST) : FIRST;
        drop();
        at = position;
        end = Math.min(position + window, object.size);
        body = client.get(object.key, position, end - 1);
    }

    private void drop() throws IOException {
        if (body != null) {
            InputStream old = body;
            body = null;
            old.close();
        }
    }

    public int read(long from, byte[] buffer, int offset, int length) throws IOException {
        if (length == 0) {
            return 0;
        }
        if (from < 0 || from >= object.size) {
            return -1;
        }
        long last = Math.min(from + length, object.size) - 1;
        InputStream part = client.get(object.key, from, last);
        try {
            int count = part.readNBytes(buffer, offset, (int) (last - from + 1));
            statistics.incrementBytesRead(count);
            return count;
        } finally {
            part.close();
        }
    }

    public synchronized void close() throws IOException {
        drop();
    }
}
