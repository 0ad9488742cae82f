package sagewright.spark;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URI;
import java.net.URL;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import org.apache.hadoop.conf.Configuration;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** One bucket of an S3 endpoint, in path style, with the credentials that hadoop-aws would take. */
final class S3Client {
    /** An object up to this size is written by one request: that can be moved without copying a byte. */
    static final long PART = Math.max(8L << 20, Math.min(64L << 20, Runtime.getRuntime().maxMemory() / 64));
    private static final long COPY_AT_ONCE = 5L << 30;
    private static final int TRIES = 6;
    private static final int DELETE_AT_ONCE = 1000;
    private static final int CONNECT_MILLIS = 10_000;
    private static final int READ_MILLIS = 300_000;
    private static final DateTimeFormatter TIME =
        DateTimeFormatter.ofPattern("yyyyMMdd'T'HHmmss'Z'").withZone(ZoneOffset.UTC);

    private final String bucket;
    private final String endpoint;
    private final String host;
    private final String token;
    private final Signature signature;

    S3Client(String bucket, Configuration conf) throws IOException {
        this.bucket = bucket;
        String where = setting(conf, bucket, "endpoint", "AWS_ENDPOINT_URL");
        if (where.isEmpty() || where.contains("amazonaws.com")) {  // a script's own setting, made for AWS
            where = System.getenv("AWS_ENDPOINT_URL") == null ? "" : System.getenv("AWS_ENDPOINT_URL");
        }
        if (where.isEmpty()) {
            throw new IOException("s3://" + bucket + " cannot be reached: this job has no network (AWS_ENDPOINT_URL)");
        }
        where = where.contains("://") ? where : "http://" + where;
        this.endpoint = where.endsWith("/") ? where.substring(0, where.length() - 1) : where;
        this.host = URI.create(endpoint).getAuthority();
        this.token = setting(conf, bucket, "session.token", "AWS_SESSION_TOKEN");
        String region = setting(conf, bucket, "endpoint.region", "AWS_REGION");
        this.signature = new Signature(
            setting(conf, bucket, "access.key", "AWS_ACCESS_KEY_ID"),
            setting(conf, bucket, "secret.key", "AWS_SECRET_ACCESS_KEY"),
            region.isEmpty() ? "us-east-1" : region);
    }

    private static String setting(Configuration conf, String bucket, String name, String variable) {
        String general = conf.getTrimmed("fs.s3a." + name, "");
        String found = conf.getTrimmed("fs.s3a.bucket." + bucket + "." + name, general);
        if (!found.isEmpty()) {
            return found;
        }
        String value = System.getenv(variable);
        return value == null ? "" : value;
    }

    /** An object, or with its key ending in a slash what stands for a folder. */
    static final class Entry {
        final String key;
        final long size;
        final long modified;

        Entry(String key, long size, long modified) {
            this.key = key;
            this.size = size;
            this.modified = modified;
        }
    }

    /** The object; null where there is none. */
    Entry head(String key) throws IOException {
        S3Answer answer = send("HEAD", key, query(), headers(), null);
        if (answer.status == 404) {
            return null;
        }
        check(answer, "HEAD", key);
        String modified = answer.header("last-modified");
        long at = modified.isEmpty() ? 0
            : Instant.from(DateTimeFormatter.RFC_1123_DATE_TIME.parse(modified)).toEpochMilli();
        String size = answer.header("content-length");
        return new Entry(key, size.isEmpty() ? 0 : Long.parseLong(size), at);
    }

    /** Bytes from..to of an object, both included. */
    InputStream get(String key, long from, long to) throws IOException {
        TreeMap headers = headers();
        headers.put("range", "bytes=" + from + "-" + to);
        S3Answer answer = send("GET", key, query(), headers, null);
        if (answer.status >= 300) {
            throw refused(answer, "GET", key);
        }
        return answer.body();
    }

    void put(String key, S3Buffer body) throws IOException {
        check(send("PUT", key, query(), headers(), body), "PUT", key);
    }

    void delete(String key) throws IOException {
        check(send("DELETE", key, query(), headers(), null), "DELETE", key);
    }

    /** entries: all of these. Raises the first that S3 refuses. */
    void delete(List entries) throws IOException {
        for (int start = 0; start < entries.size(); start += DELETE_AT_ONCE) {
            StringBuilder body = new StringBuilder("<Delete><Quiet>true</Quiet>");
            for (int i = start; i < Math.min(start + DELETE_AT_ONCE, entries.size()); i++) {
                body.append("<Object><Key>").append(escaped(((Entry) entries.get(i)).key)).append("</Key></Object>");
            }
            byte[] raw = body.append("</Delete>").toString().getBytes(StandardCharsets.UTF_8);
            TreeMap headers = headers();
            headers.put("content-md5", md5(raw));
            Document document = parsed(send("POST", "", query("delete", ""), headers, new S3Buffer(raw)), "POST", "");
            NodeList errors = document.getElementsByTagName("Error");
            if (errors.getLength() > 0) {
                Element first = (Element) errors.item(0);
                throw refusal(text(first, "Code"), text(first, "Message"), "DELETE", text(first, "Key"));
            }
        }
    }

    /** Objects under a prefix, in order; delimited: those with a slash after the prefix as one folder. most: 0 for all. */
    List list(String prefix, boolean delimited, int most) throws IOException {
        List found = new ArrayList();
        TreeMap query = query("list-type", "2");
        query.put("prefix", prefix);
        query.put("encoding-type", "url");
        if (delimited) {
            query.put("delimiter", "/");
        }
        if (most > 0) {
            query.put("max-keys", String.valueOf(most));
        }
        while (true) {
            Document document = parsed(send("GET", "", query, headers(), null), "LIST", prefix);
            add(found, document.getElementsByTagName("Contents"), "Key");
            add(found, document.getElementsByTagName("CommonPrefixes"), "Prefix");
            String next = text(document.getDocumentElement(), "NextContinuationToken");
            if (next.isEmpty() || most > 0) {
                return found;
            }
            query.put("continuation-token", next);
        }
    }

    private static void add(List found, NodeList nodes, String name) throws IOException {
        for (int i = 0; i < nodes.getLength(); i++) {
            Element node = (Element) nodes.item(i);
            String key = URLDecoder.decode(text(node, name), "UTF-8");
            String size = text(node, "Size");
            String at = text(node, "LastModified");
            found.add(new Entry(key, size.isEmpty() ? 0 : Long.parseLong(size),
                at.isEmpty() ? 0 : Instant.parse(at).toEpochMilli()));
        }
    }

    void copy(Entry from, String to) throws IOException {
        if (from.size <= COPY_AT_ONCE) {
            parsed(send("PUT", to, query(), source(from.key), null), "COPY", from.key);
            return;
        }
        String upload = begin(to);
        List tags = new ArrayList();
        for (long start = 0; start < from.size; start += COPY_AT_ONCE) {
            TreeMap headers = source(from.key);
            long end = Math.min(start + COPY_AT_ONCE, from.size) - 1;
            headers.put("x-amz-copy-source-range", "bytes=" + start + "-" + end);
            TreeMap query = query("uploadId", upload);
            query.put("partNumber", String.valueOf(tags.size() + 1));
            Document document = parsed(send("PUT", to, query, headers, null), "COPY", from.key);
            tags.add(text(document.getDocumentElement(), "ETag"));
        }
        complete(to, upload, tags, from.size);
    }

    private TreeMap source(String key) {
        TreeMap headers = headers();
        headers.put("x-amz-copy-source", "/" + bucket + "/" + Signature.encoded(key, true));
        return headers;
    }

    /** A multipart upload's id. */
    String begin(String key) throws IOException {
        Document document = parsed(send("POST", key, query("uploads", ""), headers(), null), "POST", key);
        return text(document.getDocumentElement(), "UploadId");
    }

    /** The part's ETag. number: from 1. */
    String part(String key, String upload, int number, S3Buffer body) throws IOException {
        TreeMap query = query("uploadId", upload);
        query.put("partNumber", String.valueOf(number));
        S3Answer answer = send("PUT", key, query, headers(), body);
        check(answer, "PUT", key);
        return answer.header("etag");
    }

    void complete(String key, String upload, List tags, long size) throws IOException {
        StringBuilder body = new StringBuilder("<CompleteMultipartUpload>");
        for (int i = 0; i < tags.size(); i++) {
            body.append("<Part><PartNumber>").append(i + 1).append("</PartNumber><ETag>");
            body.append(escaped((String) tags.get(i))).append("</ETag></Part>");
        }
        byte[] raw = body.append("</CompleteMultipartUpload>").toString().getBytes(StandardCharsets.UTF_8);
        try {
            parsed(send("POST", key, query("uploadId", upload), headers(), new S3Buffer(raw)), "POST", key);
        } catch (FileNotFoundException error) {  // tried again after an answer that was lost
            Entry there = head(key);
            if (there == null || there.size != size) {
                throw error;
            }
        }
    }

    void abort(String key, String upload) throws IOException {
        check(send("DELETE", key, query("uploadId", upload), headers(), null), "DELETE", key);
    }

    private static TreeMap query() {
        return new TreeMap();
    }

    private static TreeMap query(String name, String value) {
        TreeMap query = new TreeMap();
        query.put(name, value);
        return query;
    }

    private static TreeMap headers() {
        return new TreeMap();
    }

    /** The caller's own thread does it all, which is what few cores like. body: null for none. */
    private S3Answer send(String method, String key, TreeMap query, TreeMap headers, S3Buffer body)
        throws IOException {
        for (int tried = 1; ; tried++) {
            IOException lost = null;
            try {
                S3Answer answer = new S3Answer(sent(method, key, query, headers, body));
                if (answer.status < 500 || tried == TRIES) {
                    return answer;
                }
                answer.bytes();
            } catch (SocketTimeoutException error) {
                lost = error;
            } catch (InterruptedIOException error) {
                throw error;
            } catch (IOException error) {
                lost = error;
            }
            pause(method, key, tried, lost);
        }
    }

    /** Before another try. lost: what the last one ended with, null for an answer of the server's. */
    private void pause(String method, String key, int tried, IOException lost) throws IOException {
        if (lost != null && tried == TRIES) {
            throw new IOException(method + " " + name(key) + ": " + endpoint + " does not answer: " + lost, lost);
        }
        try {
            Thread.sleep(50L << tried);
        } catch (InterruptedException error) {
            throw interrupted();
        }
    }

    private static InterruptedIOException interrupted() {
        Thread.currentThread().interrupt();
        return new InterruptedIOException("interrupted");
    }

    private HttpURLConnection sent(String method, String key, TreeMap query, TreeMap headers, S3Buffer body)
        throws IOException {
        String path = "/" + bucket + (key.isEmpty() ? "" : "/" + Signature.encoded(key, true));
        StringBuilder line = new StringBuilder();
        for (Object each : query.entrySet()) {
            Map.Entry pair = (Map.Entry) each;
            line.append(line.length() == 0 ? "" : "&").append(Signature.encoded((String) pair.getKey(), false));
            line.append('=').append(Signature.encoded((String) pair.getValue(), false));
        }
        URL target = URI.create(endpoint + path + (line.length() == 0 ? "" : "?" + line)).toURL();
        HttpURLConnection connection = (HttpURLConnection) target.openConnection();
        connection.setConnectTimeout(CONNECT_MILLIS);
        connection.setReadTimeout(READ_MILLIS);
        connection.setInstanceFollowRedirects(false);
        connection.setRequestMethod(method);
        for (Object each : signed(method, path, line.toString(), headers).entrySet()) {
            Map.Entry pair = (Map.Entry) each;
            connection.setRequestProperty((String) pair.getKey(), (String) pair.getValue());
        }
        if (method.equals("PUT") || method.equals("POST")) {
            connection.setDoOutput(true);
            if (method.equals("POST")) {
                connection.setRequestProperty("content-type", "binary/octet-stream");  // else Java calls it a form
            }
            connection.setFixedLengthStreamingMode(body == null ? 0L : body.size());
            OutputStream out = connection.getOutputStream();
            if (body != null) {
                body.writeTo(out);
            }
            out.close();
        }
        return connection;
    }

    /** headers, with those of a signature. */
    private TreeMap signed(String method, String path, String line, TreeMap headers) throws IOException {
        String time = TIME.format(Instant.now());
        TreeMap signed = new TreeMap(headers);
        signed.put("host", host);
        signed.put("x-amz-content-sha256", Signature.UNSIGNED);
        signed.put("x-amz-date", time);
        if (!token.isEmpty()) {
            signed.put("x-amz-security-token", token);
        }
        signed.put("authorization", signature.of(method, path, line, signed, time));
        return signed;
    }

    private void check(S3Answer answer, String what, String key) throws IOException {
        if (answer.status >= 300) {
            throw refused(answer, what, key);
        }
        answer.bytes();
    }

    private IOException refused(S3Answer answer, String what, String key) throws IOException {
        String raw = answer.text();
        String code = String.valueOf(answer.status);
        String message = raw;
        if (raw.contains("<Error>")) {
            Element error = document(raw.getBytes(StandardCharsets.UTF_8)).getDocumentElement();
            code = text(error, "Code");
            message = text(error, "Message");
        }
        return refusal(code, message, what, key);
    }

    private IOException refusal(String code, String message, String what, String key) {
        String whole = what + " " + name(key) + ": " + code + ": " + message;
        if (code.equals("AccessDenied") || code.equals("403")) {
            return new AccessDeniedException(name(key), null, code + ": " + message);
        }
        if (code.equals("NoSuchKey") || code.equals("NoSuchUpload") || code.equals("404")) {
            return new FileNotFoundException(whole);
        }
        return new IOException(whole);
    }

    private String name(String key) {
        return "s3://" + bucket + "/" + key;
    }

    private Document parsed(S3Answer answer, String what, String key) throws IOException {
        if (answer.status >= 300) {
            throw refused(answer, what, key);
        }
        Document document = document(answer.bytes());
        if (document.getDocumentElement().getTagName().equals("Error")) {  // S3 may find out after its 200
            Element error = document.getDocumentElement();
            throw refusal(text(error, "Code"), text(error, "Message"), what, key);
        }
        return document;
    }

    private static Document document(byte[] raw) throws IOException {
        try {
            DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
            factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
            return factory.newDocumentBuilder().parse(new java.io.ByteArrayInputStream(raw));
        } catch (Exception error) {
            throw new IOException("S3 answered with what is no XML: " + error, error);
        }
    }

    private static String text(Element parent, String name) {
        NodeList nodes = parent.getElementsByTagName(name);
        return nodes.getLength() == 0 ? "" : nodes.item(0).getTextContent();
    }

    private static String escaped(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            char each = text.charAt(i);
            if (each == '&' || each == '<' || each == '>' || each < ' ') {
                out.append("&#").append((int) each).append(';');
            } else {
                out.append(each);
            }
        }
        return out.toString();
    }

    private static String md5(byte[] raw) throws IOException {
        try {
            return Base64.getEncoder().encodeToString(MessageDigest.getInstance("MD5").digest(raw));
        } catch (NoSuchAlgorithmException error) {
            throw new IOException(error);
        }
    }
}
