package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	acme "github.com/cert-manager/cert-manager/pkg/acme/webhook/apis/acme/v1alpha1"
	"github.com/cert-manager/cert-manager/pkg/acme/webhook/cmd"
)

// duckdns answers cert-manager's DNS-01 challenges through DuckDNS's API at $DUCKDNS_URL, as the API group $GROUP_NAME.
func duckdns() { cmd.RunWebhookServer(os.Getenv("GROUP_NAME"), &solver{}) }

type solver struct{ kube *kubernetes.Clientset }

func (s *solver) Name() string { return "duckdns" }

func (s *solver) Initialize(config *rest.Config, _ <-chan struct{}) (err error) {
	s.kube, err = kubernetes.NewForConfig(config)
	return err
}

func (s *solver) Present(challenge *acme.ChallengeRequest) error {
	return s.update(challenge, url.Values{"txt": {challenge.Key}})
}

func (s *solver) CleanUp(challenge *acme.ChallengeRequest) error {
	return s.update(challenge, url.Values{"txt": {challenge.Key}, "clear": {"true"}})
}

func (s *solver) update(challenge *acme.ChallengeRequest, query url.Values) error {
	token, err := s.token(challenge)
	if err != nil {
		return err
	}
	name, err := accountName(challenge.ResolvedZone, challenge.ResolvedFQDN)
	if err != nil {
		return err
	}
	query.Set("domains", name)
	query.Set("token", token)
	answer, err := http.Get(os.Getenv("DUCKDNS_URL") + "/update?" + query.Encode())
	if err != nil {
		return errors.New("DuckDNS can't be reached") // the error would show the token
	}
	defer answer.Body.Close()
	if body, _ := io.ReadAll(answer.Body); !strings.HasPrefix(string(body), "OK") {
		return fmt.Errorf("DuckDNS API returned %q for %s", body, name)
	}
	return nil
}

func (s *solver) token(challenge *acme.ChallengeRequest) (string, error) {
	var config struct {
		APITokenSecretRef struct{ Name, Key string } `json:"apiTokenSecretRef"`
	}
	if err := json.Unmarshal(challenge.Config.Raw, &config); err != nil {
		return "", err
	}
	at := config.APITokenSecretRef
	secret, err := s.kube.CoreV1().Secrets(challenge.ResourceNamespace).Get(context.Background(), at.Name, meta.GetOptions{})
	if err != nil {
		return "", err
	}
	return string(secret.Data[at.Key]), nil
}

// accountName is the DuckDNS name: "home" for _acme-challenge.home.duckdns.org. and for one label more. Deeper ones are
// refused, as the real solver refuses them.
func accountName(zone, fqdn string) (string, error) {
	labels := strings.Split(strings.TrimSuffix(strings.TrimSuffix(fqdn, "duckdns.org."), "."), ".")
	if len(labels) < 2 || len(labels) > 3 {
		return "", fmt.Errorf("%s in %s is no name that DuckDNS has", fqdn, zone)
	}
	return labels[len(labels)-1], nil
}
