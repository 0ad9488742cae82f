package sagewright.spark;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Map;
import java.util.TreeMap;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * Signature Version 4 of requests to S3, whose bodies it does not cover.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
final class Signature {
    static final String UNSIGNED = "UNSIGNED-PAYLOAD";
    private static final char[] DIGITS = "0123456789ABCDEF".toCharArray();

    private final String key;
    private final String secret;
    private final String region;

    Signature(String key, String secret, String region) {
        this.key = key;
        this.secret = secret;
        this.region = region;
    }

    /** The Authorization header. headers: of lower-case names, all of which it covers; time: 20261231T235959Z. */
    String of(String method, String path, String query, TreeMap headers, String time) throws IOException {
        StringBuilder names = new StringBuilder();
        StringBuilder lines = new StringBuilder();
        for (Object each : headers.entrySet()) {
            Map.Entry header = (Map.Entry) each;
            names.append(names.length() == 0 ? "" : ";").append(header.getKey());
            lines.append(header.getKey()).append(':').append(header.getValue()).append('\n');
        }
        String request = method + "\n" + path + "\n" + query + "\n" + lines + "\n" + names + "\n" + UNSIGNED;
        String day = time.substring(0, 8);
        String scope = day + "/" + region + "/s3/aws4_request";
        try {
            String digest = hex(MessageDigest.getInstance("SHA-256").digest(bytes(request)));
            byte[] signing = hmac(hmac(hmac(hmac(bytes("AWS4" + secret), day), region), "s3"), "aws4_request");
            String signature = hex(hmac(signing, "AWS4-HMAC-SHA256\n" + time + "\n" + scope + "\n" + digest));
            return "AWS4-HMAC-SHA256 Credential=" + key + "/" + scope + ", SignedHeaders=" + names + ", Signature="
                + signature;
        } catch (GeneralSecurityException error) {
            throw new IOException(error);
        }
    }

    /** Percent-encoded as S3 wants it; slashes stay in a path. */
    static String encoded(String text, boolean path) {
        StringBuilder out = new StringBuilder();
        byte[] raw = bytes(text);
        for (int i = 0; i < raw.length; i++) {
            int each = raw[i] & 0xff;
            boolean letter = each >= 'a' && each <= 'z' || each >= 'A' && each <= 'Z' || each >= '0' && each <= '9';
            if (letter || each == '-' || each == '_' || each == '.' || each == '~' || path && each == '/') {
                out.append((char) each);
            } else {
                out.append('%').append(DIGITS[each >> 4]).append(DIGITS[each & 15]);
            }
        }
        return out.toString();
    }

    private static byte[] hmac(byte[] key, String text) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(bytes(text));
    }

    private static String hex(byte[] raw) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < raw.length; i++) {
            out.append(Character.forDigit(raw[i] >> 4 & 15, 16)).append(Character.forDigit(raw[i] & 15, 16));
        }
        return out.toString();
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }
}
