// The lab's stand-in for traefik/whoami, whose module can't be had by a test: a web server that says who answers
// and what it was asked, in the same lines, with the same flags as far as a demonstration needs them.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func addresses() []string {
	found := []string{}
	all, _ := net.InterfaceAddrs()
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			found = append(found, n.IP.String())
		}
	}
	return found
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func main() {
	port := flag.String("port", env("WHOAMI_PORT_NUMBER", "80"), "port to listen on")
	name := flag.String("name", os.Getenv("WHOAMI_NAME"), "name to answer with")
	verbose := flag.Bool("verbose", false, "log every request")
	flag.Parse()
	host, _ := os.Hostname()

	http.HandleFunc("/health", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/api", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{"hostname": host, "ip": addresses(), "headers": r.Header,
			"url": r.URL.RequestURI(), "host": r.Host, "method": r.Method, "name": *name, "remoteAddr": r.RemoteAddr})
	})
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if *verbose {
			log.Printf("%s %s %s", r.RemoteAddr, r.Method, r.URL)
		}
		if *name != "" {
			fmt.Fprintln(w, "Name:", *name)
		}
		fmt.Fprintln(w, "Hostname:", host)
		for _, a := range addresses() {
			fmt.Fprintln(w, "IP:", a)
		}
		fmt.Fprintln(w, "RemoteAddr:", r.RemoteAddr)
		r.Write(w)
	})
	log.Printf("Starting up on port %s", *port)
	log.Fatal(http.ListenAndServe(":"+*port, nil))
}
