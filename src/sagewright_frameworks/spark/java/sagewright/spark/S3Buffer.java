package sagewright.spark;

import java.io.IOException;
import java.io.OutputStream;
import java.util.ArrayList;
import java.util.List;

/** The body of a request, in blocks: what is in them is never copied again, however large it grows. */
final class S3Buffer {
    private static final int FIRST = 64 << 10;
    private static final int MOST = 4 << 20;

    private final List full = new ArrayList();
    private byte[] block = new byte[FIRST];
    private int filled;
    private long size;

    S3Buffer() {
    }

    S3Buffer(byte[] whole) {
        block = whole;
        filled = whole.length;
        size = whole.length;
    }

    long size() {
        return size;
    }

    void write(byte[] data, int offset, int length) {
        size += length;
        while (length > 0) {
            if (filled == block.length) {
                full.add(block);
                block = new byte[Math.min(block.length * 2, MOST)];
                filled = 0;
            }
            int count = Math.min(length, block.length - filled);
            System.arraycopy(data, offset, block, filled, count);
            filled += count;
            offset += count;
            length -= count;
        }
    }

    void writeTo(OutputStream out) throws IOException {
        for (Object each : full) {
            byte[] whole = (byte[]) each;
            out.write(whole, 0, whole.length);
        }
        out.write(block, 0, filled);
    }
}
