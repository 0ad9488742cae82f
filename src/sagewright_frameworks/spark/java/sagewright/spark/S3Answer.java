package sagewright.spark;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.nio.charset.StandardCharsets;

/** What S3 answered; its body is read, or closed, by whoever has it. */
final class S3Answer {
    final int status;
    private final HttpURLConnection connection;

    S3Answer(HttpURLConnection connection) throws IOException {
        this.connection = connection;
        this.status = connection.getResponseCode();
    }

    /** A header's value; empty where there is none. */
    String header(String name) {
        String value = connection.getHeaderField(name);
        return value == null ? "" : value;
    }

    InputStream body() throws IOException {
        InputStream body = status < 400 ? connection.getInputStream() : connection.getErrorStream();
        return body == null ? InputStream.nullInputStream() : body;
    }

    byte[] bytes() throws IOException {
        InputStream body = body();
        try {
            return body.readAllBytes();
        } finally {
            body.close();
        }
    }

    String text() throws IOException {
        return new String(bytes(), StandardCharsets.UTF_8);
    }
}
